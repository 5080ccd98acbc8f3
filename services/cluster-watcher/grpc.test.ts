import { describe, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { Workload, type View, type WatchWorkloadsResponse } from "#proto/slipway/cluster/v1/cluster.ts";

import { createClusterService } from "./grpc.ts";
import type { WorkloadChange } from "./live-workloads.ts";
import type { EnvironmentWatch } from "./watch-environment.ts";

// What needs a reader that stops reading; all else is proved over sockets in watch.test.ts.

const web = Workload.fromPartial({ namespace: "shop", kind: "deployment", name: "web" });
const other = { ...web, namespace: "other" };
const view: View = { ageMs: 0n, complete: true, problem: "" };

const aWatch = (): EnvironmentWatch => ({
  name: "watch-default",
  environment: "default",
  view: () => view,
  sees: () => true,
  objects: async function* none() {},
  api: () => {
    throw new SlipwayError("CLUSTER_UNAVAILABLE");
  },
  all: () => [web],
  get: () => web,
  subscribe: () => () => undefined,
});

function aStream(namespace = "shop") {
  const listeners = new Set<(change: WorkloadChange) => void>();
  const watch: EnvironmentWatch = {
    ...aWatch(),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const ending = new AbortController();
  const context = { signal: ending.signal };
  type Context = Parameters<ReturnType<typeof createClusterService>["watchWorkloads"]>[1];
  const answers = createClusterService([watch]).watchWorkloads(
    { environment: "default", namespace },
    context as Context,
  );
  const stream = answers[Symbol.asyncIterator]() as AsyncIterator<Partial<WatchWorkloadsResponse>>;
  return {
    next: async () => ((await stream.next()).value as WatchWorkloadsResponse | undefined)?.event?.$case,
    tell: (workload: Workload) => listeners.forEach((listener) => listener({ kind: "upserted", workload })),
    end: () => ending.abort(),
    stream,
    listeners,
  };
}

describe("one workload", () => {
  const seen = { ...web, uid: "uid-1", generation: 4n };
  const ask = (
    asked: { uid?: string; minGeneration?: bigint; name?: string },
    more: Partial<EnvironmentWatch> = {},
  ) => {
    const watch = {
      ...aWatch(),
      get: (id: string) => (id === "shop:deployment/web" ? seen : undefined),
      ...more,
    };
    const question = { environment: "default", namespace: "shop", kind: "deployment", name: "web" };
    type Context = Parameters<ReturnType<typeof createClusterService>["getWorkload"]>[1];
    const request = { ...question, uid: "", minGeneration: 0n, ...asked };
    return createClusterService([watch]).getWorkload(request, {} as Context);
  };
  const stale = { code: "WORKLOAD_STALE" };
  test("is told when it is the object asked for, at its generation or a later one", async () => {
    for (const asked of [{}, { uid: "uid-1" }, { minGeneration: 4n }, { uid: "uid-1", minGeneration: 3n }])
      expect(await ask(asked)).toMatchObject({ workload: { generation: 4n } });
  });
  test("is not told when the view is behind: another object, or an older generation", async () => {
    await expect(ask({ uid: "uid-2" })).rejects.toMatchObject(stale);
    await expect(ask({ uid: "uid-1", minGeneration: 5n })).rejects.toMatchObject(stale);
    await expect(ask({ name: "api", uid: "uid-1" })).rejects.toMatchObject(stale);
  });
  test("is said not to run only by a view that is whole", async () => {
    await expect(ask({ name: "api" })).rejects.toMatchObject({ code: "WORKLOAD_NOT_FOUND" });
    const partly = { ageMs: 0n, complete: false, problem: "deployments cannot be watched" };
    await expect(ask({ name: "api" }, { view: () => partly })).rejects.toMatchObject({
      ...stale,
      detail: "shop:deployment/api is not seen here: deployments cannot be watched",
    });
  });
  test("in a namespace that the settings leave out is refused", async () => {
    await expect(ask({}, { sees: () => false })).rejects.toMatchObject({ code: "NAMESPACE_OUTSIDE" });
  });
});

test("what changes while the snapshot is read is told after it", async () => {
  const { next, tell, end, stream } = aStream();
  expect(await next()).toBe("upserted");
  tell(web);
  expect(await next()).toBe("view");
  expect(await next()).toBe("upserted");
  expect(await next()).toBe("view");
  end();
  expect((await stream.next()).done).toBe(true);
});

test("a reader that falls far behind is cut, so that it asks for a new snapshot", async () => {
  const { next, tell, listeners } = aStream();
  expect(await next()).toBe("upserted");
  for (let change = 0; change <= 20_000; change += 1) tell(web);
  expect(await next()).toBe("view");
  await expect(next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(listeners.size).toBe(0);
});

test("changes in other namespaces do not count against a reader", async () => {
  const { next, tell } = aStream();
  expect(await next()).toBe("upserted");
  for (let change = 0; change <= 20_000; change += 1) tell(other);
  tell(web);
  expect(await next()).toBe("view");
  expect(await next()).toBe("upserted");
});

test("a reader that leaves is forgotten", async () => {
  const { next, stream, listeners } = aStream();
  await next();
  expect(listeners.size).toBe(1);
  await stream.return?.();
  expect(listeners.size).toBe(0);
});
