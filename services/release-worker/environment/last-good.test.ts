import { expect, test } from "vitest";

import type { JobPhase } from "#common/domain/job.ts";
import type { RecordedChange, RolloutTarget } from "#common/store/schema.ts";

import { lastGood } from "./last-good.ts";

const change = (from: string, to: string, other: Partial<RecordedChange> = {}): RecordedChange => ({
  workload: "shop:deployment/web",
  container: "web",
  field: "image",
  path: "deploy/web.yaml",
  from,
  to,
  ...other,
});

const past = (phase: JobPhase, ...changes: RecordedChange[]) => ({ phase, changes });

test("what no job wrote is as good as it gets", () => {
  expect(lastGood(change("web:1", "web:2"), [])).toBe("web:1");
});

test("what a job brought to health is the last good", () => {
  const history = [past("succeeded", change("web:1", "web:2")), past("failed", change("web:0", "web:1"))];
  expect(lastGood(change("web:2", "web:3"), history)).toBe("web:2");
});

test("jobs that failed, were overtaken or still roll out are gone past, one after the other", () => {
  const history = [
    past("rolling-out", change("web:3", "web:4")),
    past("superseded", change("web:2", "web:3")),
    past("failed", change("web:1", "web:2")),
    past("succeeded", change("web:0", "web:1")),
  ];
  expect(lastGood(change("web:4", "web:5"), history)).toBe("web:1");
});

test("a rollback that brought an image back makes it good", () => {
  const history = [
    past("succeeded", change("web:2", "web:1")),
    past("rolled-back", change("web:1", "web:2")),
  ];
  expect(lastGood(change("web:1", "web:3"), history)).toBe("web:1");
});

test("other containers, labels and files have a history of their own", () => {
  const history = [
    past("failed", change("web:1", "web:2", { container: "side" })),
    past("failed", change("web:1", "web:2", { field: "/metadata/labels/version" })),
    past("failed", change("web:1", "web:2", { path: "other/web.yaml" })),
  ];
  expect(lastGood(change("web:2", "web:3"), history)).toBe("web:2");
});

test("what landed late goes back to what was there, past nothing but what is known to be bad", () => {
  const late = (...history: Parameters<typeof lastGood>[1]) =>
    lastGood(change("web:2", "web:3"), history, "landed-late");
  const wrote = change("web:1", "web:2");
  expect(late(past("rolling-out", wrote))).toBe("web:2");
  expect(late(past("superseded", wrote))).toBe("web:2");
  expect(late({ ...past("failed", wrote), outcome: "outcome-unknown" })).toBe("web:2");
  expect(late({ ...past("failed", wrote), outcome: "failed" })).toBe("web:1");
  expect(late(past("rolled-back", wrote))).toBe("web:1");
  const verdict = (workload: string) => [{ workload, verdict: "bad" }] as unknown as RolloutTarget[];
  expect(late({ ...past("rolling-out", wrote), targets: verdict("shop:deployment/web") })).toBe("web:1");
  expect(late({ ...past("rolling-out", wrote), targets: verdict("shop:deployment/api") })).toBe("web:2");
});
