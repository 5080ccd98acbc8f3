import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { PlannedSkip, SkipReason } from "./plan.ts";
import { skipLine } from "./plan-words.ts";

const skip = (reason: SkipReason, detail?: string): PlannedSkip => ({
  kind: "skip",
  workload: "sock-shop:deployment/front-end",
  container: "web",
  path: "deploy/front-end.yaml",
  from: "front-end:1",
  reason,
  ...(detail === undefined ? {} : { detail }),
});

const who = "Service sock-shop/front-end";
const lines: Readonly<Record<SkipReason, string>> = {
  "up-to-date": `${who} image front-end:1 is already the latest one; skipping.`,
  "not-declared": "no resource definition file found for sock-shop/front-end; skipping",
  "manifest-broken": `${who}: its manifest does not parse (why); skipping.`,
  "not-in-cluster": `${who} is declared but does not run in the cluster; skipping.`,
  "declared-twice": "multiple resource definition files found for sock-shop/front-end: why",
  "two-environments": `${who} is declared by two environments on one cluster (why); skipping.`,
  locked: `${who} is locked (why); skipping.`,
  ignored: `${who} is ignored by policy; skipping.`,
  held: `${who} is held (why); skipping.`,
  "not-automated": `${who} is not automated any more; skipping.`,
  "group-waits": `${who} waits for its group (why); skipping.`,
  refused: `${who} is refused by the cluster (why); skipping.`,
  excluded: `${who} is excluded; skipping.`,
  "different-image": `${who} container web uses a different image; skipping.`,
  "no-policy": `${who} image front-end:1: there is no policy to choose a tag by (why); skipping.`,
  "no-image-data": `${who} image front-end:1: its registry has not been read yet (why); skipping.`,
  "no-eligible-image": `${who} image front-end:1: no tag is eligible (why); skipping.`,
  "no-runnable-image": `${who} image front-end:1: no node of the cluster can run an eligible tag (why); skipping.`,
  "no-previous-image": `${who} image front-end:1: no release of it is on record (why); skipping.`,
  "no-running-image": `${who} image front-end:1: the cluster shows no such container (why); skipping.`,
  "not-an-image": `${who} container web has no readable image (why); skipping.`,
  "not-editable": `${who} container web cannot be edited safely (why); skipping.`,
  "immutable-kind": `${who} cannot be changed in place (why); skipping.`,
  "not-chosen": `${who} container web was not there, or left alone, when this release was first planned (why); skipping.`,
  "changed-since": `${who} container web was changed since (why); skipping.`,
};

test.each(Object.entries(lines))("%s has its line in the log", (reason, line) => {
  expect(skipLine(skip(reason as SkipReason, "why"))).toBe(line);
});

test("every reason is explained in the documentation", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/manifests.md"), "utf8");
  expect(Object.keys(lines).filter((reason) => !text.includes(`\`${reason}\``))).toEqual([]);
});

test("a line without a detail has no empty brackets", () => {
  expect(skipLine(skip("locked"))).toBe(`${who} is locked; skipping.`);
});
