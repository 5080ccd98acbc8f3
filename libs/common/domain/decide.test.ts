import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decide, decideTogether, movesOf, usualLimits, type DecideFacts, type Decision } from "./decide.ts";
import { readPolicies } from "./policy.ts";

const day = (number: number): Date => new Date(Date.UTC(2026, 0, number));
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const images = [
  { tag: "1.0.0", createdAt: day(1), digest: digest("a") },
  { tag: "1.1.0", createdAt: day(2), digest: digest("b") },
  { tag: "2.0.0", createdAt: day(3), digest: digest("c") },
  { tag: "stable", createdAt: day(4), digest: digest("d") },
];

interface Told extends Partial<Omit<DecideFacts, "workload">> {
  readonly image?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly workload?: Partial<DecideFacts["workload"]>;
}

function facts(told: Told = {}): DecideFacts {
  const {
    image = "app:1.0.0",
    annotations = {},
    name = "web",
    kind = "deployment",
    workload,
    ...more
  } = told;
  const written = { automated: "true", "tag.web": "semver:^1", ...annotations };
  const policies = readPolicies(
    Object.fromEntries(Object.entries(written).map(([key, value]) => [`slipway.dev/${key}`, value])),
  );
  return {
    workload: {
      id: { namespace: "shop", kind, name },
      policies,
      containers: [{ name: "web", image, editable: true }],
      ...workload,
    },
    policyFaults: [],
    automation: "on",
    running: true,
    clusterAgeMs: 500,
    repositories: new Map([["docker.io/library/app", { images, ageMs: 60_000 }]]),
    holds: new Map(),
    gates: [],
    now: day(10),
    limits: usualLimits,
    ...more,
  };
}

const stops = (decision: Decision): string[] => decision.stops.map(({ reason }) => reason);
const only = (decision: Decision) => decision.containers[0];

test("an automated workload moves to the best image of its filter", () => {
  const decision = decide(facts());
  expect(movesOf(decision)).toMatchObject([{ container: "web", to: "app:1.1.0", reason: "newer-image" }]);
  expect(only(decision)?.candidates.map(({ image, reason }) => `${image.tag} ${reason}`)).toEqual([
    "1.1.0 chosen",
    "1.0.0 lower-version",
    "stable not-a-version",
    "2.0.0 filtered-out",
  ]);
});

describe("nothing moves", () => {
  test.each<[string, Told, string, string | undefined]>([
    ["where automation is off", { automation: "off" }, "automation-off", undefined],
    ["that git does not declare", { workload: { isUndeclared: true } }, "not-declared", undefined],
    ["that is not automated", { annotations: { automated: "false" } }, "not-automated", undefined],
    [
      "with a policy that cannot be read",
      { policyFaults: ["deadline is …"] },
      "policy-invalid",
      "deadline is …",
    ],
    [
      "with a filter that cannot be read",
      { annotations: { "tag.web": "semver:x!" } },
      "policy-invalid",
      "not a version range",
    ],
    ["in a file that does not parse", { workload: { broken: "line 7" } }, "manifest-broken", "line 7"],
    ["that is declared twice", { workload: { twins: ["b.yaml"] } }, "declared-twice", "b.yaml"],
    ["that does not run", { running: false }, "not-in-cluster", undefined],
    ["that is ignored", { annotations: { ignore: "true" } }, "ignored", undefined],
    [
      "that is locked",
      { annotations: { locked: "true", locked_user: "ada", locked_msg: "audit" } },
      "locked",
      "by ada: audit",
    ],
    ["that is held by a person", { annotations: { hold: "slow" } }, "held", "slow"],
    [
      "in a freeze",
      { gates: [{ gate: "freeze", reason: "Christmas", until: day(12) }] },
      "frozen",
      "Christmas",
    ],
    [
      "outside a window",
      { gates: [{ gate: "window", reason: "office hours" }] },
      "window-closed",
      "office hours",
    ],
    ["that rolls out", { rollingOut: "job 0c1d8e11" }, "rolling-out", "job 0c1d8e11"],
    ["of which the view is too old", { clusterAgeMs: 60_001 }, "cluster-stale", "too old"],
    ["of which nobody can tell whether it runs", { running: undefined }, "cluster-stale", "not complete"],
  ])("%s", (...[, told, reason, detail]) => {
    const decision = decide(facts(told));
    expect(stops(decision)).toEqual([reason]);
    if (detail !== undefined) expect(decision.stops[0]?.detail).toContain(detail);
    expect(movesOf(decision)).toEqual([]);
  });

  test.each<[string, Told, string]>([
    ["that is up to date", { image: "app:1.1.0" }, "up-to-date"],
    [
      "that a failed rollout holds",
      { holds: new Map([["web", { image: "app:1.1.0", reason: "crashed" }]]) },
      "held",
    ],
    [
      "whose registry was read long ago",
      { repositories: new Map([["docker.io/library/app", { images, ageMs: 3_600_001 }]]) },
      "images-stale",
    ],
    ["whose registry was never read", { repositories: new Map() }, "no-image-data"],
    [
      "that cannot be edited",
      { workload: { containers: [{ name: "web", image: "app:1.0.0", editable: false, reason: "anchor" }] } },
      "not-editable",
    ],
    ["of a Job", { kind: "job" }, "immutable-kind"],
    ["without an image", { image: "{{ image }}" }, "not-an-image"],
    ["whose filter matches nothing", { annotations: { "tag.web": "glob:9.*" } }, "no-eligible-image"],
    ["that would go down", { image: "app:2.0.0" }, "no-eligible-image"],
  ])("of a container %s", (...[, told, reason]) => {
    const decision = decide(facts(told));
    expect(only(decision)?.reason).toBe(reason);
    expect(movesOf(decision)).toEqual([]);
  });

  test("of a container without a filter whose tag says nothing of what may follow it", () => {
    const container = { name: "side", image: "app:latest", editable: true };
    const decision = decide(facts({ workload: { containers: [container] } }));
    expect(only(decision)).toMatchObject({ reason: "no-policy", candidates: [] });
  });
});

test("goes down where that is allowed", () => {
  const decision = decide(facts({ image: "app:2.0.0", annotations: { allow_downgrade: "true" } }));
  expect(movesOf(decision)).toMatchObject([{ to: "app:1.1.0" }]);
});

test("a pinned tag is followed when it moves to another image", () => {
  const pinned = `app:stable@${digest("a")}`;
  const annotations = { "tag.web": "glob:stable" };
  expect(movesOf(decide(facts({ image: pinned, annotations })))).toMatchObject([
    { to: `app:stable@${digest("d")}` },
  ]);
  expect(only(decide(facts({ image: "app:stable", annotations })))?.reason).toBe("up-to-date");
  const pins = { ...annotations, pin_digest: "true" };
  expect(movesOf(decide(facts({ image: "app:stable", annotations: pins })))).toMatchObject([
    { to: `app:stable@${digest("d")}` },
  ]);
});

test("an image must have the minimum age and the platform that its policies ask for", () => {
  const annotations = { "tag.web": "semver:*", min_age: "8d" };
  expect(movesOf(decide(facts({ annotations })))).toMatchObject([{ to: "app:1.1.0" }]);
  const unknown = decide(facts({ annotations: { platform: "linux/arm64" } }));
  expect(only(unknown)).toMatchObject({ reason: "no-eligible-image" });
});

describe("workloads of one group", () => {
  const together = (...told: Told[]) =>
    decideTogether(told.map((one) => ({ group: "shop", decision: decide(facts(one)) })));
  test("move together", () => {
    expect(together({ name: "a" }, { name: "b" }).map((one) => movesOf(one).length)).toEqual([1, 1]);
  });
  test("wait for one that would move and may not", () => {
    const [a, b] = together({ name: "a" }, { name: "b", annotations: { locked: "true" } }) as [
      Decision,
      Decision,
    ];
    expect([stops(a), stops(b)]).toEqual([["group-waits"], ["locked"]]);
    expect(a.stops[0]?.detail).toContain("shop:deployment/b");
  });
  test("do not wait for one that has nothing to move, nor for those of another group", () => {
    const locked = { name: "b", image: "app:1.1.0", annotations: { locked: "true" } };
    expect(movesOf(together({ name: "a" }, locked)[0] as Decision)).toHaveLength(1);
    const other = { group: "other", decision: decide(facts({ name: "b", annotations: { locked: "true" } })) };
    const apart = decideTogether([{ group: "shop", decision: decide(facts()) }, other]);
    expect(movesOf(apart[0] as Decision)).toHaveLength(1);
  });
});

test("whatever moves, moves within its filter, never down, and from facts that are young enough", () => {
  const told = fc.record({
    image: fc.constantFrom("app:1.0.0", "app:2.0.0", "app:stable", `app:1.0.0@${digest("a")}`, "other:1"),
    annotations: fc.record({
      automated: fc.constantFrom("true", "true", "true", "false"),
      "tag.web": fc.constantFrom("semver:^1", "semver:*", "newest", "glob:2.*", "semver:nonsense"),
      locked: fc.constantFrom("false", "false", "false", "true"),
      min_age: fc.constantFrom("0s", "9d"),
      pin_digest: fc.constantFrom("true", "false"),
    }),
    automation: fc.constantFrom<"on" | "off">("on", "on", "on", "off"),
    running: fc.constantFrom(true, true, true, false, undefined),
    clusterAgeMs: fc.constantFrom(0, 60_000, 60_000, 60_001, undefined),
  });
  let moved = 0;
  fc.assert(
    fc.property(told, (one) => {
      const decision = decide(facts(one));
      for (const move of movesOf(decision)) {
        moved += 1;
        expect(one).toMatchObject({
          automation: "on",
          running: true,
          annotations: { automated: "true", locked: "false" },
        });
        expect(one.clusterAgeMs).toBeLessThanOrEqual(60_000);
        const tag = /:([^@]+)/.exec(move.to)?.[1] ?? "";
        if (one.annotations["tag.web"] === "semver:^1") expect(["1.0.0", "1.1.0"]).toContain(tag);
        if (one.image.startsWith("app:2.0.0")) expect(["2.0.0", "stable"]).toContain(tag);
      }
      for (const { reason, candidates } of decision.containers) {
        expect(reason).not.toBe("");
        expect(new Set(candidates.map(({ image }) => image.tag)).size).toBe(candidates.length);
      }
    }),
    { numRuns: 1_000 },
  );
  // About a quarter of a thousand runs: without any move this test would prove nothing.
  expect(moved).toBeGreaterThan(0);
});
