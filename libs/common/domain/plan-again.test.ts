import { describe, expect, test } from "vitest";

import { aRepository, digestOf, type RepositoryFacts } from "#common/testing/repository.ts";

import { planRelease, type ReleasePlan } from "./plan.ts";

const planned = (repository: RepositoryFacts): ReleasePlan => planRelease(repository.facts);

/** "container from -> to", in order. */
function changes(facts: RepositoryFacts): string[] {
  return planned(facts).changes.map((c) => `${c.container} ${c.from} -> ${c.to}`);
}

/** "container reason", with the detail in brackets. */
function skips(facts: RepositoryFacts): string[] {
  return planned(facts).skips.map((s) =>
    `${s.container} ${s.reason}${s.detail === undefined ? "" : ` (${s.detail})`}`.trim(),
  );
}

/** One workload "ns/app" with one container of the image. */
const app = (from: string, policies: Record<string, string> = {}): RepositoryFacts =>
  aRepository()
    .declaring("ns/app", { containers: from, policies })
    .withImages("app", "1.0.0", "1.1.0", "2.0.0");

describe("a release that was planned before", () => {
  const choice = { workload: "ns:deployment/app", container: "app", image: "app:1.1.0" };
  test("keeps the image that latest became, though a newer one exists by now", () => {
    const facts = app("app:1.0.0").resolvedTo(choice);
    expect(changes(facts)).toEqual(["app app:1.0.0 -> app:1.1.0"]);
    expect(planned(facts).resolved).toEqual([choice]);
  });
  test("needs no knowledge of images for it", () => {
    expect(changes(aRepository().declaring("ns/app", "app:1.0.0").resolvedTo(choice))).toHaveLength(1);
  });
  test("drops the change that somebody made meanwhile, and remembers the choice", () => {
    const facts = app("app:1.1.0").resolvedTo(choice);
    expect(skips(facts)).toEqual(["app up-to-date"]);
    expect(planned(facts).resolved).toEqual([choice]);
  });
  test("drops the change of a workload that was locked meanwhile", () => {
    expect(skips(app("app:1.0.0", { locked: "true" }).resolvedTo(choice))).toEqual(["app locked"]);
  });
  test("takes up no container that had no change then", () => {
    expect(skips(app("app:1.0.0").resolvedTo())).toEqual(["app up-to-date"]);
  });
  test("writes the choice in the spelling that is there by now", () => {
    expect(changes(app("docker.io/app:1.0.0").resolvedTo(choice))).toEqual([
      "app docker.io/app:1.0.0 -> docker.io/app:1.1.0",
    ]);
  });
  test("does not lose a digest that was pinned meanwhile", () => {
    expect(skips(app(`app:1.0.0@${digestOf("a")}`).resolvedTo(choice))).toEqual([
      "app no-image-data (the digest of tag 1.1.0 is not known)",
    ]);
  });
});
