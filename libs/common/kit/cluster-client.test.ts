import { afterEach, expect, test } from "vitest";

import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import type { ClusterServiceImplementation } from "#proto/slipway/cluster/v1/cluster.ts";

import { createClusterClient, readWatcherPlaces } from "./cluster-client.ts";
import { createGrpcServer } from "./grpc.ts";
import { silentLog } from "./log.ts";

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

/** A watcher that knows nothing but its own name, which it tells as a failure. */
async function watcherNamed(name: string): Promise<string> {
  const absent = async (): Promise<never> => {
    throw new Error(name);
  };
  const told: string[] = [];
  const implementation = {
    listWorkloads: async () => {
      told.push(name);
      return { workloads: [], kinds: [], view: { version: name } };
    },
    getWorkload: absent,
    explainWorkload: absent,
    getOwner: absent,
    getPullSecrets: absent,
    async *watchWorkloads() {},
    async *exportWorkloads() {},
  };
  const server = createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [[ClusterServiceDefinition, implementation as unknown as ClusterServiceImplementation]],
    log: silentLog,
  });
  await server.start();
  asked.set(name, told);
  stops.push(() => server.stop());
  return `127.0.0.1:${server.port()}`;
}
const asked = new Map<string, string[]>();

test("a question goes to the watcher of its environment, and to the one for all others", async () => {
  const [shop, rest] = [await watcherNamed("shop"), await watcherNamed("rest")];
  const client = createClusterClient({ address: `shop=${shop},${rest}`, log: silentLog });
  stops.push(() => client.close());
  await client.listWorkloads({ environment: "shop" });
  await client.listWorkloads({ environment: "other" });
  await client.listWorkloads({ environment: "shop" });
  expect(asked.get("shop")).toHaveLength(2);
  expect(asked.get("rest")).toHaveLength(1);
});

test("an environment that no watcher is named for is unavailable, by name", async () => {
  const client = createClusterClient({ address: `shop=${await watcherNamed("shop")}`, log: silentLog });
  stops.push(() => client.close());
  const asking = client.listWorkloads({ environment: "other" });
  await expect(asking).rejects.toMatchObject({
    code: "UNAVAILABLE",
    detail: expect.stringContaining('"other"'),
  });
});

test("addresses are read, each environment once", () => {
  expect(readWatcherPlaces("host:3031")).toEqual([{ environment: undefined, address: "host:3031" }]);
  expect(readWatcherPlaces("shop=[::1]:3031, host:3031")).toEqual([
    { environment: "shop", address: "[::1]:3031" },
    { environment: undefined, address: "host:3031" },
  ]);
  for (const wrong of ["", "a:1,b:2", "shop=a:1,shop=b:2"]) {
    expect(() => readWatcherPlaces(wrong)).toThrow(/SLIPWAY_WATCHER_ADDRESS/);
  }
});
