import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { JobRow } from "#common/store/schema.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import type { FaultRule, KubeFault, KubeProxy, ProxiedRequest } from "../support/kube-proxy.ts";
import { hasPostgres } from "../support/postgres.ts";

const isApply = ({ method, query }: ProxiedRequest): boolean =>
  method === "PATCH" && query.get("fieldManager") === "slipway" && query.get("dryRun") === null;
const isDryRun = ({ query }: ProxiedRequest): boolean => query.get("dryRun") !== null;
const isTakeover = ({ method, query }: ProxiedRequest): boolean =>
  method === "PATCH" && query.get("fieldManager") === null;
const isWatch = ({ query }: ProxiedRequest): boolean => query.get("watch") !== null;
const isRead =
  (name: string) =>
  ({ method, path }: ProxiedRequest): boolean =>
    method === "GET" && path.endsWith(`/${name}`);

/** The first so many requests of a kind. */
function first(times: number, is: (request: ProxiedRequest) => boolean, fault: KubeFault): FaultRule {
  let left = times;
  return (request) => {
    if (left === 0 || !is(request)) return undefined;
    left -= 1;
    return fault;
  };
}

const status = (code: number, reason: string): string =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: reason });
const json = { "content-type": "application/json" };
const internal: KubeFault = {
  kind: "answer",
  status: 500,
  headers: json,
  body: status(500, "InternalError"),
};
const tooMany: KubeFault = {
  kind: "answer",
  status: 429,
  headers: { "retry-after": "0", "content-type": "text/plain" },
  body: "Too many requests, please try again later.",
};
const gone: KubeFault = {
  kind: "answer",
  status: 200,
  headers: json,
  body: `${JSON.stringify({ type: "ERROR", object: JSON.parse(status(410, "Expired")) as unknown })}\n`,
};

for (const choice of clusterChoices()) {
  describe.skipIf(!choice.available || !hasPostgres())(`a bad network before ${choice.name}`, () => {
    let world: EnvironmentWorld;
    let proxy: KubeProxy;
    beforeAll(async () => {
      const cluster = await choice.open();
      const way = await cluster.throughProxy();
      proxy = way.proxy;
      world = await startEnvironmentWorld(cluster, [{ name: "default" }], way.ways);
      await world.worker();
    });
    afterEach(() => proxy.inject(undefined));
    afterAll(() => world.stop());

    const releaseUnder = async (name: string, rule: FaultRule): Promise<JobRow> => {
      const before = proxy.struck().length;
      await world.serve(aDeployment(name));
      proxy.inject(rule);
      const [job] = await world.untilOver(await world.release(name, "1.0.1"));
      expect(proxy.struck().length).toBeGreaterThan(before);
      if (job === undefined) throw new Error("no job");
      return job;
    };
    /** One commit, what it says is what runs, and the job says so. */
    const expectDone = async (name: string, job: JobRow): Promise<void> => {
      expect(job).toMatchObject({ phase: "succeeded", waiting_for: null, error: null });
      expect((await world.committed()).filter((id) => id === job.id)).toHaveLength(1);
      const live = await world.live(aDeployment(name));
      expect(live.spec.template.spec.containers[0]?.image).toBe(imageOf(name, "1.0.1"));
      expect(live.metadata.annotations).toMatchObject({ "applied.slipway.dev/job": job.id });
    };

    test.each([
      ["the answer to the apply is lost", first(1, isApply, { kind: "lose-answer" })],
      ["the apply never arrives", first(2, isApply, { kind: "cut" })],
      ["the apply is answered 500", first(2, isApply, internal)],
      ["the apply is answered 429, in plain text", first(3, isApply, tooMany)],
      ["the answer to the take-over is lost", first(1, isTakeover, { kind: "lose-answer" })],
      ["the dry run never arrives", first(1, isDryRun, { kind: "cut" })],
      ["the dry run is answered 500", first(1, isDryRun, internal)],
      ["half of an answer arrives", first(1, isApply, { kind: "cut-stream", afterBytes: 20 })],
      ["every watch is refused as gone for a while", first(30, isWatch, gone)],
      ["every watch is answered 429 for a while", first(10, isWatch, tooMany)],
    ])("a release ends well when %s", async (why, rule) => {
      const name = why.replace(/[^a-z0-9]+/g, "-").slice(0, 40);
      if (why.startsWith("every watch")) {
        const watched = (request: ProxiedRequest): KubeFault | undefined => {
          if (isApply(request)) proxy.cutAll();
          return rule(request);
        };
        return expectDone(name, await releaseUnder(name, watched));
      }
      await expectDone(name, await releaseUnder(name, rule));
    });

    test("a read before the apply that is cut or answered half is made again", async () => {
      const reads = first(2, isRead("reread"), { kind: "cut-stream", afterBytes: 10 });
      await expectDone("reread", await releaseUnder("reread", reads));
    });

    // The sandbox is enough: the wait is ours, not the API server's.
    if (choice.kind === "sandbox")
      test("a dry run that is never answered sends the job back with the reason, and it ends well", async () => {
        await world.serve(aDeployment("held"));
        proxy.inject(first(1, isDryRun, { kind: "hold" }));
        const id = await world.release("held", "1.0.1");
        const waiting = await world.until(id, (job) => job.waiting_for !== null, "the reason");
        expect(waiting).toMatchObject({ phase: "queued", commit_sha: null });
        const [job] = await world.untilOver(id);
        await expectDone("held", job!);
      });

    test("several releases under a storm of faults end well, each with one commit", async () => {
      const names = ["storm-a", "storm-b", "storm-c", "storm-d"];
      for (const name of names) await world.serve(aDeployment(name));
      const faults: KubeFault[] = [{ kind: "cut" }, { kind: "lose-answer" }, internal, tooMany];
      const random = seeded(20261125);
      let left = 24;
      proxy.inject((request) => {
        if (isWatch(request) || left === 0 || random() > 0.25) return undefined;
        left -= 1;
        return faults[Math.floor(random() * faults.length)];
      });
      const ids = await Promise.all(names.map((name) => world.release(name, "1.0.1")));
      const jobs = await world.untilOver(...ids);
      proxy.inject(undefined);
      for (const [index, job] of jobs.entries()) await expectDone(names[index] ?? "", job);
    });
  });
}

/** Numbers in [0, 1), the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
