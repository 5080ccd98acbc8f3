import { describe, expect, test } from "vitest";

import type { RolloutTarget } from "#common/store/schema.ts";
import { Trouble } from "#proto/slipway/cluster/v1/cluster.ts";

import { causeOf, logStep, withCause } from "./explain-words.ts";

const trouble = (o: Partial<Trouble>): Trouble =>
  Trouble.fromPartial({ pod: "web-1", container: "app", reason: "Unhealthy", message: "probe failed", ...o });
const target = (reason: string): RolloutTarget => ({
  workload: "shop:deployment/web",
  path: "web.yaml",
  images: {},
  applied: true,
  uid: "uid-1",
  generation: 1,
  verdict: "bad",
  reason,
  spentMs: 0,
});
const explained = (reason: string, ...troubles: Trouble[]): string | null =>
  withCause(target(reason), troubles).reason;

test("a cause names its pod, and is short", () => {
  expect(causeOf(trouble({}))).toBe("Unhealthy: web-1: probe failed");
  expect(causeOf(trouble({ pod: "", reason: "FailedCreate", message: "quota" }))).toBe("FailedCreate: quota");
  expect(causeOf(trouble({ message: "x".repeat(900) }))).toHaveLength(500);
});

describe("the reason of a failed rollout", () => {
  test.each([
    ["not healthy after 60 s", "not healthy after 60 s: Unhealthy: web-1: probe failed"],
    [
      "not healthy after 60 s: ContainersNotReady: web-1: with unready status: [app]",
      "not healthy after 60 s: Unhealthy: web-1: probe failed",
    ],
    [
      "ProgressDeadlineExceeded: ReplicaSet has timed out progressing.",
      "ProgressDeadlineExceeded: ReplicaSet has timed out progressing: Unhealthy: web-1: probe failed",
    ],
  ])("%s gets its cause", (reason, whole) => {
    expect(explained(reason, trouble({}))).toBe(whole);
  });
  test.each([
    "CrashLoopBackOff: web-1: exit code 1, 3 restarts",
    "not healthy after 60 s: Unschedulable: web-1: 0/3 nodes",
    "FailedCreate: exceeded quota",
    "DeploymentPaused: it is paused",
  ])("%s stays as it is", (reason) => {
    expect(explained(reason, trouble({}))).toBe(reason);
  });
  test("stays as it is where nothing is found", () => {
    expect(explained("not healthy after 60 s")).toBe("not healthy after 60 s");
  });
});

describe("the last words", () => {
  test("are a step of their own, of the first container that left some", () => {
    const silent = trouble({});
    const spoke = trouble({ pod: "web-2", logLines: ["starting", "fatal: giving up"] });
    expect(logStep("shop/web", [silent, spoke])).toEqual([
      {
        text: "Last log lines of shop/web: web-2 (app).",
        outcome: "failed",
        detail: "starting\nfatal: giving up",
      },
    ]);
    expect(logStep("shop/web", [silent])).toEqual([]);
  });
  test("are the newest that fit", () => {
    const logLines = Array.from({ length: 20 }, (_, index) => `${index} ${"x".repeat(400)}`);
    const [step] = logStep("shop/web", [trouble({ logLines })]);
    expect(step?.detail?.length).toBeLessThanOrEqual(2_000);
    expect(step?.detail?.split("\n").map((line) => line.split(" ")[0])).toEqual(["16", "17", "18", "19"]);
  });
});
