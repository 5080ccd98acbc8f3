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
  test("takes up no container that was not there or left alone then, and says so", () => {
    expect(skips(app("app:1.0.0").resolvedTo())).toEqual(["app not-chosen"]);
    expect(skips(app("app:1.0.0").resolvedTo({ ...choice, container: "sidecar" }))).toEqual([
      "app not-chosen",
    ]);
  });
  test("leaves a container alone for the reason that it had then, though an image could be found by now", () => {
    const { workload, container } = choice;
    const none = { workload, container, reason: "no-policy", detail: "its tag is not a version" } as const;
    const first = planned(app("app:latest")).resolved;
    expect(first).toMatchObject([{ ...none, detail: expect.stringContaining(none.detail) }]);
    expect(skips(app("app:1.0.0").resolvedTo(none))).toEqual(["app no-policy (its tag is not a version)"]);
  });
  test("keeps no reason of the workload's own: a lock may be opened again", () => {
    expect(planned(app("app:1.0.0", { locked: "true" })).resolved).toEqual([]);
  });
  test("writes the digest that an exact tag had then, where digests are written", () => {
    const [old, pushedAgain] = [digestOf("a"), digestOf("b")];
    const exact = (from: string) =>
      aRepository()
        .declaring("ns/app", from)
        .withImages("app", { tag: "1.1.0", digest: pushedAgain })
        .releasing("ns/app", { images: { exact: ["app:1.1.0"] } });
    const pinned = exact(`app:1.0.0@${digestOf("0")}`);
    expect(changes(pinned)[0]).toContain(`-> app:1.1.0@${pushedAgain}`);
    const image = `app:1.1.0@${old}`;
    expect(changes(pinned.resolvedTo({ ...choice, image }))[0]).toContain(`-> ${image}`);
    expect(changes(pinned.resolvedTo({ ...choice, image: `app:1.0.9@${old}` }))[0]).toContain(pushedAgain);
    expect(changes(exact("app:1.0.0").resolvedTo({ ...choice, image }))).toEqual([
      "app app:1.0.0 -> app:1.1.0",
    ]);
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
