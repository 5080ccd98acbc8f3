import { expect, test } from "vitest";

import { aRepository, type RepositoryFacts } from "../testing/repository.ts";
import { planRelease } from "./plan.ts";

const broken = "a.yaml line 7: bad indentation";
const torn = { containers: "app:1.0.0", policies: { locked: "true" }, broken };
const shop = aRepository()
  .withImages("app", "1.0.0", "2.0.0")
  .declaring("ns/good", "app:1.0.0")
  .declaring("ns/torn", torn);

const told = ({ facts }: RepositoryFacts): string[] => {
  const { changes, skips } = planRelease(facts);
  return [
    ...changes.map(({ container, to }) => `${container} -> ${to}`),
    ...skips.map(
      ({ container, reason, detail }) => `${container} ${reason}${detail === undefined ? "" : `: ${detail}`}`,
    ),
  ];
};

test("nothing is planned on what a file declared before it stopped parsing, and the rest goes on", () => {
  expect(told(shop.releasing("all"))).toEqual(["good -> app:2.0.0", `torn manifest-broken: ${broken}`]);
  expect(told(shop.releasing(["ns/torn"], { override: ["lock"] }))).toEqual([
    `torn manifest-broken: ${broken}`,
  ]);
  expect(told(shop.releasing("all", { exclude: ["ns/torn"] }))).toEqual([
    "good -> app:2.0.0",
    "torn excluded",
  ]);
});

test("a release of an image that the broken file did not use says nothing of it", () => {
  const other = shop.declaring("ns/other", { containers: "other:1", broken });
  const plan = told(other.releasing("all", { images: { exact: ["app:2.0.0"] } }));
  expect(plan).toEqual(["good -> app:2.0.0", `torn manifest-broken: ${broken}`, "other different-image"]);
});

test("what another file declares well is no twin of the broken one", () => {
  const moved = shop.declaring("ns/torn", { containers: "app:1.0.0", path: "b.yaml" });
  expect(told(moved.releasing("ns/torn"))).toEqual(["torn -> app:2.0.0", `torn manifest-broken: ${broken}`]);
});
