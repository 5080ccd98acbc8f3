import { expect, test } from "vitest";

import { View } from "#proto/slipway/cluster/v1/cluster.ts";

import { rememberPlatforms } from "./node-platforms.ts";

/** A watcher that tells these platforms of each environment's nodes. */
function aWatcher(told: Record<string, readonly string[]>) {
  return {
    listWorkloads: async ({ environment }: { environment: string }) => ({
      workloads: [environment],
      view: View.fromPartial({ nodes: { platforms: [...(told[environment] ?? [])] } }),
    }),
  };
}

test("platforms of all environments are known, those of the first environment first, each once", async () => {
  const told = { one: ["linux/amd64"], two: ["linux/arm64", "linux/amd64"] };
  const nodes = rememberPlatforms(aWatcher(told), ["one", "two"]);
  expect(nodes.known()).toBeUndefined();
  expect(await nodes.source.listWorkloads({ environment: "two" })).toMatchObject({ workloads: ["two"] });
  await nodes.source.listWorkloads({ environment: "one" });
  expect(nodes.known()).toEqual([
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64" },
  ]);
});

test("what was told last stays while nodes are not known, or the watcher does not answer", async () => {
  const told: Record<string, readonly string[]> = { one: ["linux/arm64"] };
  const nodes = rememberPlatforms(aWatcher(told), ["one"]);
  await nodes.source.listWorkloads({ environment: "one" });
  told["one"] = [];
  await nodes.source.listWorkloads({ environment: "one" });
  expect(nodes.known()).toEqual([{ os: "linux", architecture: "arm64" }]);
});
