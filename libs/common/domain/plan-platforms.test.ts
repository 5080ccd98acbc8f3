import { expect, test } from "vitest";

import { aRepository, digestOf, images, type RepositoryFacts } from "#common/testing/repository.ts";

import { findIneligible, nodesThatCount } from "./plan-target.ts";
import { planRelease } from "./plan.ts";
import { parsePlatform } from "./platform.ts";

const [one, two, three] = images("1.0.0", "1.1.0", "1.2.0").map((image) => ({
  ...image,
  platforms: ["linux/amd64"],
}));
const forArm = { platforms: ["linux/arm64"] };

/** "ns/app" at 1.0.0, where 1.2.0 is for arm64 alone. */
const app = (from = "app:1.0.0", policies: Record<string, string> = {}): RepositoryFacts =>
  aRepository()
    .declaring("ns/app", { containers: from, policies })
    .withImages("app", { ...one!, digest: digestOf("1") }, two!, { ...three!, ...forArm });

function outcome({ facts }: RepositoryFacts): string {
  const { changes, skips } = planRelease(facts);
  const told = [
    ...changes.map(({ to, detail = "" }) => `${to} (${detail})`),
    ...skips.map(({ reason, detail = "" }) => `${reason} (${detail})`),
  ];
  return told.join("|");
}

test("latest passes over what no node can run, and tells how many", () => {
  expect(outcome(app().onNodes("linux/amd64"))).toMatch(
    /^app:1\.1\.0 \(newest of 2 eligible, built .*, 1 newer that no node can run\)$/,
  );
});

test.each([
  ["one node of a mixed cluster runs it", app().onNodes("linux/amd64", "linux/arm64")],
  ["nobody knows what the nodes are", app()],
])("latest is the newest of all where %s", (_, facts) => {
  expect(outcome(facts)).toMatch(/^app:1\.2\.0 \(newest of 3 eligible, built [^,]*\)$/);
});

test("an image that tells no platform may run anywhere", () => {
  const untold = aRepository()
    .declaring("ns/app", "app:1.0.0")
    .withImages("app", one!, { ...two!, platforms: [] })
    .onNodes("windows/amd64", "linux/amd64");
  expect(outcome(untold)).toMatch(/^app:1\.1\.0 /);
});

test("a container of which no node can run any image is left alone, with its reason", () => {
  const none = aRepository()
    .declaring("ns/app", { containers: "app:0.9.0", policies: { "tag.app": "semver:~1" } })
    .withImages("app", { ...one!, ...forArm }, { ...two!, ...forArm })
    .onNodes("linux/amd64", "windows/amd64");
  expect(outcome(none)).toBe("no-runnable-image (none of 2 runs on linux/amd64, windows/amd64)");
});

test("an image chosen by when it was seen says so", () => {
  const seen = aRepository()
    .declaring("ns/app", "app:1.0.0")
    .withImages("app", one!, { tag: "2.0.0", seenAt: new Date("2026-01-02T03:04:00Z") });
  expect(outcome(seen)).toBe("app:2.0.0 (newest of 2 eligible, first seen 02 Jan 26 03:04 UTC)");
});

test("by version too the highest that runs is chosen", () => {
  expect(outcome(app("app:1.0.0", { "tag.app": "semver:~1" }).onNodes("linux/amd64"))).toMatch(
    /^app:1\.1\.0 .*1 newer that no node can run/,
  );
});

test("a named image is released whatever it tells of its platform", () => {
  const named = app()
    .onNodes("linux/amd64")
    .releasing("ns/app", { images: { exact: ["app:1.2.0"] } });
  expect(outcome(named)).toMatch(/^app:1\.2\.0 /);
});

test.each([["app:1.2.0"], [`app@${digestOf("3")}`]])(
  "nothing falls back behind %s, which is there although it should not run",
  (from) => {
    const there = aRepository()
      .declaring("ns/app", from)
      .withImages("app", { ...two!, digest: digestOf("2") }, { ...three!, ...forArm, digest: digestOf("3") })
      .onNodes("linux/amd64")
      .releasing("ns/app");
    expect(outcome(there)).not.toContain("1.1.0");
  },
);

test("every image that latest leaves alone for its platform has that reason, after those of the filter", () => {
  const all = [one!, { ...two!, ...forArm }, { tag: "odd", ...forArm }, { ...forArm, tag: "latest" }];
  const nodes = [parsePlatform("linux/amd64")];
  const current = { tag: "1.0.0" };
  expect(
    Object.fromEntries(findIneligible({ current, filter: "semver:~1", images: all, rule: { nodes } })),
  ).toEqual({
    "1.1.0": "no-node",
    odd: "not-a-version",
    latest: "latest-excluded",
  });
  expect(
    Object.fromEntries(findIneligible({ current, filter: undefined, images: all, rule: { nodes } })),
  ).toEqual({
    "1.1.0": "no-node",
    odd: "no-node",
    latest: "latest-excluded",
  });
  expect(findIneligible({ current, filter: undefined, images: all })).toEqual(
    new Map([
      ["odd", "no-created-time"],
      ["latest", "latest-excluded"],
    ]),
  );
});

test("the nodes count as long as the container's own image is one of theirs", () => {
  const nodes = [parsePlatform("linux/amd64")];
  const all = [
    { ...one!, digest: digestOf("1") },
    { ...two!, ...forArm },
  ];
  expect(nodesThatCount({ tag: "1.0.0" }, all, nodes)).toBe(nodes);
  expect(nodesThatCount({ tag: "gone" }, all, nodes)).toBe(nodes);
  expect(nodesThatCount({ tag: "1.1.0" }, all, nodes)).toEqual([]);
});
