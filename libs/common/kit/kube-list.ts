import { SlipwayError } from "#common/domain/errors.ts";

import type { KubeApi, KubeObject } from "./kube-types.ts";

export interface ListSource {
  readonly api: Pick<KubeApi, "request">;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
}

export interface ListOptions {
  onObject(object: KubeObject): void;
  readonly signal?: AbortSignal;
  readonly pageSize?: number;
}

const pagesAtMost = 2_000;

interface ListAnswer {
  readonly message?: string;
  readonly items?: readonly KubeObject[];
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/** Reads a collection page by page and returns its version; CLUSTER_UNAVAILABLE when a page is refused. */
export async function listPages(source: ListSource, options: ListOptions): Promise<string> {
  let next = "";
  for (let page = 1; page <= pagesAtMost; page += 1) {
    const query = {
      ...source.query,
      limit: String(options.pageSize ?? 500),
      ...(next && { continue: next }),
    };
    const answer = await source.api.request({
      method: "GET",
      path: source.path,
      query,
      ...(source.accept === undefined ? {} : { accept: source.accept }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const list = answer.body as ListAnswer;
    if (answer.status !== 200)
      throw new SlipwayError("CLUSTER_UNAVAILABLE", {
        detail: `list of ${source.path} answered ${answer.status}: ${list.message ?? String(answer.body)}`,
        facts: { status: answer.status },
      });
    for (const object of list.items ?? []) options.onObject(object);
    next = list.metadata?.continue ?? "";
    if (next === "") return list.metadata?.resourceVersion ?? "";
  }
  throw new SlipwayError("CLUSTER_UNAVAILABLE", {
    detail: `${source.path} has more than ${pagesAtMost} pages`,
  });
}
