import { moveJob, type JobPatch } from "#common/store/jobs.ts";

import { tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

/** The workload that the tests of fluxctl are about. */
export const id = "sock-shop:deployment/front-end";
export const cause = { Message: "", User: "" };

export interface FluxAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  readonly body: unknown;
}

/** Asks an API as fluxctl 1.25 does, and moves its jobs as a worker would. */
export function createFluxCalls(boxOf: () => ApiBox) {
  /** Headers as Go's client sends them: a POST says nothing of its type. */
  const flux = async (path: string, body?: string, token: string = tokens.releaser): Promise<FluxAnswer> => {
    const response = await fetch(`${boxOf().url}/api/flux${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { accept: "application/json", authorization: `Scope-Probe token=${token}` },
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
    const text = await response.text();
    const type = response.headers.get("content-type");
    return { status: response.status, type, text, body: JSON.parse(text) };
  };

  const update = (body: unknown) => flux("/v9/update-manifests", JSON.stringify(body));
  const release = (spec: object) =>
    update({
      type: "image",
      cause,
      spec: {
        ServiceSpecs: [id],
        ImageSpec: "<all latest>",
        Kind: "execute",
        Excludes: null,
        Force: false,
        ...spec,
      },
    });
  const released = async (spec: object = {}): Promise<string> => String((await release(spec)).body);
  const specOf = async (job: string) =>
    (await boxOf().store.db.selectFrom("jobs").select("spec").where("id", "=", job).executeTakeFirstOrThrow())
      .spec;
  const polled = async (job: string) => (await flux(`/v6/jobs?id=${job}`)).body;
  const move = async (
    job: string,
    ...moves: readonly (readonly [Parameters<typeof moveJob>[1]["event"], JobPatch?])[]
  ) => {
    for (const [event, patch] of moves)
      await moveJob(boxOf().store.db, { id: job, event, ...(patch !== undefined && { patch }) });
  };
  return { flux, update, release, released, specOf, polled, move };
}
