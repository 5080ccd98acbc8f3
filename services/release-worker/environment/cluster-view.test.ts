import { expect, test } from "vitest";

import { silentLog } from "#common/kit/log.ts";
import { Rollout, View, Workload, type ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";

import { watchCluster } from "./cluster-view.ts";

const canary = "token-of-git";

test("what pods wrote before they ended is seen without the secrets that the worker knows", async () => {
  const rollout = Rollout.fromPartial({ reason: "CrashLoopBackOff", message: `exit code 1: ${canary}` });
  const web = Workload.fromPartial({ namespace: "shop", kind: "deployment", name: "web", rollout });
  const over = new AbortController();
  const cluster = {
    async *watchWorkloads() {
      yield { event: { $case: "upserted", value: web } };
      yield { event: { $case: "view", value: View.fromPartial({ problem: `no ${canary}` }) } };
      await new Promise((resolve) => over.signal.addEventListener("abort", resolve));
    },
  } as unknown as ClusterServiceClient;
  const view = watchCluster({
    cluster,
    environment: "default",
    log: silentLog,
    redact: (text) => text.replaceAll(canary, "[redacted]"),
    monotonicMs: () => 0,
    sleep: async () => undefined,
  });
  await view.changed();
  view.stop();
  over.abort();
  expect(view.get("shop:deployment/web")?.rollout).toMatchObject({
    reason: "CrashLoopBackOff",
    message: "exit code 1: [redacted]",
  });
  expect(view.problem()).toBe("no [redacted]");
});
