import { expect, test } from "vitest";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { silentLog } from "#common/kit/log.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { OwnerKind } from "#proto/slipway/cluster/v1/cluster.ts";

import { createHandOffDesk, ownerFromWire } from "./hand-off-desk.ts";

const sha = (digits: string): string => digits.padEnd(40, "0");
const [base, ours, later, elsewhere] = [sha("a1"), sha("b2"), sha("c3"), sha("d4")];
const apps = { kind: "flux", objectKind: "Kustomization", namespace: "flux-system", name: "apps" } as const;

/** A branch `base ← ours ← later`, of which the cache knows a part until it fetches. */
function aDesk(known: string[] = [base, ours, later]) {
  const branch = [base, ours, later];
  const clock = createFakeClock();
  const counts = { asked: 0, fetched: 0 };
  const away = { git: false, watcher: false };
  const git = {
    async fetchTip() {
      if (away.git) throw new SlipwayError("GIT_UNAVAILABLE");
      counts.fetched += 1;
      known.push(...branch);
      return later;
    },
    async isAncestor(a: string, b: string) {
      if (!known.includes(a) || !known.includes(b)) throw new SlipwayError("NOT_FOUND");
      return branch.indexOf(a) <= branch.indexOf(b);
    },
  };
  const cluster = {
    async getOwner() {
      counts.asked += 1;
      if (away.watcher) throw new SlipwayError("CLUSTER_UNAVAILABLE");
      return { found: true, appliedRevision: base };
    },
  };
  const deps = { clock, cluster, log: silentLog, gitOf: () => git } as unknown as Parameters<
    typeof createHandOffDesk
  >[0];
  const desk = createHandOffDesk(deps, { name: "default" } as EnvironmentSettings);
  return { desk, clock, counts, away };
}

test("an owner is asked at most every two seconds, for all of its workloads", async () => {
  const { desk, clock, counts } = aDesk();
  await Promise.all([desk.ask(apps, "shop"), desk.ask(apps, "shop")]);
  expect(counts.asked).toBe(1);
  await clock.advance(1_999);
  await desk.ask(apps, "shop");
  expect(counts.asked).toBe(1);
  await clock.advance(1);
  expect(await desk.ask(apps, "shop")).toMatchObject({ kind: "told", told: { found: true } });
  expect(counts.asked).toBe(2);
  await desk.ask({ ...apps, name: "infra" }, "shop");
  expect(counts.asked).toBe(3);
});

test("an owner that cannot be asked is not known, and no failure", async () => {
  const { desk, away } = aDesk();
  away.watcher = true;
  expect(await desk.ask(apps, "shop")).toMatchObject({ kind: "unknown" });
});

test.each([
  ["our own commit", ours, ours],
  ["a later commit", `main@sha1:${later}`, later],
  ["one of several sources", `1.2.3,${later}`, later],
  ["a chart made of our commit", `1.2.3+${ours.slice(0, 12)}.1`, ours],
  ["a chart made of the tip", `1.2.3+${later.slice(0, 12)}`, later],
])("a revision that is %s contains ours", async (_what, revision, commit) => {
  expect(await aDesk().desk.containing(revision, ours)).toEqual({ kind: "contained", commit });
});

test.each([
  ["an earlier commit", base],
  ["a commit of nowhere", elsewhere],
  ["a chart of another commit", "1.2.3+0123456789ab"],
  ["no commit", "1.2.3"],
  ["nothing", ""],
])("a revision that is %s does not contain ours", async (_what, revision) => {
  expect(await aDesk().desk.containing(revision, ours)).toEqual({ kind: "not-contained" });
});

test("an unknown commit is fetched for, once", async () => {
  const { desk, counts } = aDesk([base, ours]);
  expect(await desk.containing(later, ours)).toEqual({ kind: "contained", commit: later });
  for (const revision of [elsewhere, elsewhere, "1.2.3+0123456789ab", "1.2.3+0123456789ab"]) {
    expect(await desk.containing(revision, ours)).toEqual({ kind: "not-contained" });
  }
  expect(counts.fetched).toBe(3);
});

test("while git is away nothing is known of an unknown commit", async () => {
  const { desk, away } = aDesk([base, ours]);
  away.git = true;
  expect(await desk.containing(later, ours)).toMatchObject({ kind: "unknown" });
  away.git = false;
  expect(await desk.containing(later, ours)).toEqual({ kind: "contained", commit: later });
});

test("the owner told with a workload is told in our words", () => {
  const wire = { ...apps, kind: OwnerKind.OWNER_KIND_FLUX };
  expect(ownerFromWire(wire)).toEqual(apps);
  expect(ownerFromWire(undefined)).toMatchObject({ kind: "none" });
});
