import { describe, expect, test } from "vitest";

import { aRepository, digestOf, type RepositoryFacts } from "#common/testing/repository.ts";

import { SlipwayError } from "./errors.ts";
import { planRelease, type ReleasePlan } from "./plan.ts";

const image = "weaveworksdemos/front-end";
const shop = aRepository()
  .declaring("sock-shop/front-end", `${image}:0.2.0`)
  .declaring("sock-shop/cart", "weaveworksdemos/cart:0.3.0")
  .withImages(image, "0.1.0", "0.2.0", "0.3.0")
  .withImages("weaveworksdemos/cart", "0.3.0");

const exact = (...refs: string[]) => ({ images: { exact: refs } });

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

function refusal(facts: RepositoryFacts): SlipwayError {
  try {
    planned(facts);
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("the request was not refused");
}

/** One workload "ns/app" with one container of the image. */
const app = (from: string, policies: Record<string, string> = {}): RepositoryFacts =>
  aRepository()
    .declaring("ns/app", { containers: from, policies })
    .withImages("app", "1.0.0", "1.1.0", "2.0.0");

describe("a release of the latest images", () => {
  test("changes what is behind and leaves what is current", () => {
    const plan = planned(shop.releasing("all"));
    expect(plan.changes).toEqual([
      {
        kind: "change",
        workload: { namespace: "sock-shop", kind: "deployment", name: "front-end" },
        container: "front-end",
        path: "deploy/front-end.yaml",
        from: `${image}:0.2.0`,
        to: `${image}:0.3.0`,
        detail: "newest of 3 eligible, built 03 Nov 16 16:00 UTC",
      },
    ]);
    expect(plan.skips).toEqual([
      {
        kind: "skip",
        workload: "sock-shop:deployment/cart",
        container: "cart",
        path: "deploy/cart.yaml",
        from: "weaveworksdemos/cart:0.3.0",
        reason: "up-to-date",
      },
    ]);
  });
  test("says which image latest became, also where it is there already: an earlier job of the batch may not land", () => {
    const resolved = planned(shop.releasing("all")).resolved;
    expect(resolved).toContainEqual({
      workload: "sock-shop:deployment/front-end",
      container: "front-end",
      image: `${image}:0.3.0`,
    });
    expect(resolved.map((choice) => choice.workload)).toHaveLength(2);
  });
  test("concerns only the workloads that are named, each once", () => {
    const plan = planned(shop.releasing(["sock-shop/front-end", "sock-shop:deployment/front-end"]));
    expect(plan.changes).toHaveLength(1);
    expect(plan.skips).toEqual([]);
  });
  test("decides for each container by itself", () => {
    const facts = aRepository()
      .declaring("ns/app", {
        containers: { app: "app:1.0.0", sidecar: "sidecar:1.0.0", init: "app:2.0.0" },
        policies: { "tag.sidecar": "semver:~1" },
      })
      .withImages("app", "1.0.0", "2.0.0")
      .withImages("sidecar", "1.0.0", "1.0.1", "2.0.0");
    expect(changes(facts)).toEqual(["app app:1.0.0 -> app:2.0.0", "sidecar sidecar:1.0.0 -> sidecar:1.0.1"]);
    expect(skips(facts)).toEqual(["init up-to-date"]);
  });
  test("keeps the spelling of the image's name", () => {
    const facts = aRepository()
      .declaring("ns/web", "docker.io/library/nginx:1.0.0")
      .withImages("nginx", "1.0.0", "1.1.0");
    expect(changes(facts)).toEqual(["web docker.io/library/nginx:1.0.0 -> docker.io/library/nginx:1.1.0"]);
  });
  test("obeys the tag filter of the container", () => {
    expect(changes(app("app:1.0.0", { "tag.app": "semver:~1" }))).toEqual(["app app:1.0.0 -> app:1.1.0"]);
  });
  test.each([
    ["a tag named latest", "app:latest"],
    ["no tag", "app"],
    ["a bare major", "app:1"],
  ])("follows %s only by a policy", (_, from) => {
    expect(skips(app(from))).toEqual(["app no-policy (its tag is not a version)"]);
    expect(skips(app(from).releasing("ns/app"))).toEqual([
      "app no-policy (its tag is not a version: name the exact image)",
    ]);
    expect(changes(app(from, { "tag.app": "semver:*" }))).toEqual([`app ${from} -> app:2.0.0`]);
  });
  test("takes the policy of a container that is named like a property of every object", () => {
    const facts = aRepository()
      .declaring("ns/app", { containers: { constructor: "app:1.0.0" } })
      .withImages("app", "1.0.0", "2.0.0");
    expect(changes(facts)).toEqual(["constructor app:1.0.0 -> app:2.0.0"]);
  });
});

describe("a release of named images", () => {
  test("brings every chosen container of that repository to it, in its own spelling", () => {
    const facts = aRepository()
      .declaring("ns/a", "nginx:1.0.0")
      .declaring("ns/b", { containers: { b: "docker.io/nginx:1.0.0", c: "other:1.0.0" } })
      .releasing("all", exact("nginx:1.1.0"));
    expect(changes(facts)).toEqual([
      "a nginx:1.0.0 -> nginx:1.1.0",
      "b docker.io/nginx:1.0.0 -> docker.io/nginx:1.1.0",
    ]);
    expect(skips(facts)).toEqual(["c different-image"]);
  });
  test("goes back as readily as forward", () => {
    const facts = app("app:2.0.0").releasing("ns/app", exact("app:1.0.0"));
    expect(changes(facts)).toEqual(["app app:2.0.0 -> app:1.0.0"]);
  });
  test("is free to name what a moving tag should become, and the tag latest", () => {
    expect(changes(app("app:latest").releasing("ns/app", exact("app:1.0.0")))).toEqual([
      "app app:latest -> app:1.0.0",
    ]);
    const policed = app("app:1.0.0", { "tag.app": "glob:*" });
    expect(changes(policed.releasing("ns/app", exact("app:latest")))).toEqual([
      "app app:1.0.0 -> app:latest",
    ]);
  });
  test("stays inside the container's filter unless that right is given", () => {
    const facts = app("app:1.0.0", { "tag.app": "semver:~1" }).releasing("ns/app", exact("app:2.0.0"));
    expect(skips(facts)).toEqual(["app no-eligible-image (2.0.0 does not match the filter semver:~1)"]);
    const overridden = facts.releasing("ns/app", { ...exact("app:2.0.0"), override: ["filter"] });
    expect(changes(overridden)).toEqual(["app app:1.0.0 -> app:2.0.0"]);
  });
  test.each([
    ["app", /neither tag nor digest/],
    ["App:1", /upper case/],
  ])("refuses %s, which names no image", (ref, why) => {
    const error = refusal(app("app:1.0.0").releasing("ns/app", exact(ref)));
    expect(error.code).toBe("IMAGE_REF_INVALID");
    expect(error.detail).toMatch(why);
  });
  test("refuses two images of one repository, however they are spelled", () => {
    const facts = app("app:1.0.0").releasing("ns/app", exact("app:1.1.0", "docker.io/library/app:2.0.0"));
    expect(refusal(facts)).toMatchObject({
      code: "IMAGE_REF_INVALID",
      detail: expect.stringContaining("app:1.1.0, docker.io/library/app:2.0.0"),
    });
    expect(changes(app("app:1.0.0").releasing("ns/app", exact("app:2.0.0", "app:2.0.0")))).toHaveLength(1);
  });
  test("refuses an image that no chosen workload uses, and says where to look", () => {
    const error = refusal(shop.releasing("sock-shop/cart", exact(`${image}:0.3.0`)));
    expect(error).toMatchObject({
      code: "IMAGE_NOT_USED",
      detail: `no chosen workload has a container of docker.io/${image}`,
      hint: expect.stringContaining("list-services"),
    });
  });
  test("counts an image as used where its workload is left alone", () => {
    const facts = app("app:1.0.0", { locked: "true" }).releasing("ns/app", exact("app:2.0.0"));
    expect(skips(facts)).toEqual(["app locked"]);
  });
});

describe("the form found is the form written", () => {
  const [old, fresh] = [digestOf("a"), digestOf("b")];
  const known = { tag: "2.0.0", digest: fresh, createdAt: new Date("2016-11-18T16:00:00Z") };
  const pinned = (from: string): RepositoryFacts =>
    aRepository().declaring("ns/app", from).withImages("app", known);
  const to = (facts: RepositoryFacts): string[] => planned(facts).changes.map((change) => change.to);

  test("tag and digest stay both", () => {
    expect(to(pinned(`app:1.0.0@${old}`))).toEqual([`app:2.0.0@${fresh}`]);
    expect(to(pinned(`app:1.0.0@${old}`).releasing("ns/app", exact("app:2.0.0")))).toEqual([
      `app:2.0.0@${fresh}`,
    ]);
  });
  test("a digest alone stays a digest", () => {
    expect(to(pinned(`app@${old}`).releasing("ns/app", exact("app:2.0.0")))).toEqual([`app@${fresh}`]);
  });
  test("a tag alone stays a tag, also where a digest is named with it", () => {
    expect(to(pinned("app:1.0.0"))).toEqual(["app:2.0.0"]);
    expect(to(pinned("app:1.0.0").releasing("ns/app", exact(`app:2.0.0@${fresh}`)))).toEqual(["app:2.0.0"]);
  });
  test("a digest that is named alone is written", () => {
    expect(to(pinned("app:1.0.0").releasing("ns/app", exact(`app@${fresh}`)))).toEqual([`app@${fresh}`]);
  });
  test("a pin is never lost because the new digest is not known", () => {
    const facts = app(`app:1.0.0@${old}`);
    expect(skips(facts)).toEqual(["app no-image-data (the digest of tag 2.0.0 is not known)"]);
    expect(skips(facts.releasing("ns/app", exact("app:1.1.0")))).toEqual([
      "app no-image-data (the digest of tag 1.1.0 is not known)",
    ]);
  });
  test("a digest without a tag is followed only by a policy", () => {
    expect(skips(pinned(`app@${old}`))).toEqual(["app no-policy (its tag is not a version)"]);
  });
});

describe("a container is left alone, and why", () => {
  const cases: readonly [string, RepositoryFacts, string][] = [
    ["excluded", app("app:1.0.0").releasing("all", { exclude: ["ns/app"] }), "app excluded"],
    ["not in the cluster", app("app:1.0.0").running("ns/other"), "app not-in-cluster"],
    [
      "declared twice",
      app("app:1.0.0").declaring("ns/app", { containers: { twin: "app:1.0.0" }, path: "b.yaml" }),
      "app declared-twice (deploy/app.yaml and b.yaml)|twin declared-twice (deploy/app.yaml and b.yaml)",
    ],
    [
      "declared by two environments, also where it does not run",
      app("app:1.0.0").running("ns/other").rivalled("ns/app", "default and other"),
      "app two-environments (default and other)",
    ],
    ["locked", app("app:1.0.0", { locked: "true" }), "app locked"],
    ["locked, and why", app("app:1.0.0", { locked: "true", locked_msg: "audit" }), "app locked (audit)"],
    ["ignored", app("app:1.0.0", { ignore: "true" }), "app ignored"],
    ["held", app("app:1.0.0").holding("ns/app", "app", "2.0.0 failed"), "app held (2.0.0 failed)"],
    [
      "of another image",
      shop.releasing("sock-shop/cart", exact("weaveworksdemos/cart:0.3.0")),
      "cart up-to-date",
    ],
    ["up to date", app("app:2.0.0"), "app up-to-date"],
    ["without a policy", app("app:latest"), "app no-policy (its tag is not a version)"],
    [
      "never scanned",
      aRepository().declaring("ns/app", "app:1.0.0"),
      "app no-image-data (docker.io/library/app)",
    ],
    [
      "scanned, and empty",
      aRepository().declaring("ns/app", "app:1.0.0").withImages("app"),
      "app no-image-data (docker.io/library/app)",
    ],
    [
      "without an eligible tag",
      app("app:1.0.0", { "tag.app": "semver:~7" }),
      "app no-eligible-image (semver:~7)",
    ],
    [
      "without a dated tag",
      aRepository().declaring("ns/app", "app:1.0.0").withImages("app", { tag: "a" }, { tag: "b" }),
      "app no-eligible-image (no dated image)",
    ],
    ["not an image", app("{{ .Values.image }}"), 'app not-an-image ("{{ .Values.image }}")'],
    [
      "not editable",
      app("app:1.0.0")
        .declaring("ns/odd", {
          containers: { odd: { image: "app:1.0.0", notEditable: "BLOCK_SCALAR" } },
        })
        .releasing("ns/odd"),
      "odd not-editable (BLOCK_SCALAR)",
    ],
    [
      "a Job",
      app("app:1.0.0").declaring("ns:job/once", "app:1.0.0").releasing("ns:job/once"),
      "once immutable-kind (a Job's template cannot change)",
    ],
    [
      "of another repository since it was planned",
      app("other:1.0.0").resolvedTo({ workload: "ns:deployment/app", container: "app", image: "app:2.0.0" }),
      "app changed-since (it was to become app:2.0.0)",
    ],
  ];
  test.each(cases)("%s", (_, facts, expected) => {
    expect(planned(facts).changes).toEqual([]);
    expect(skips(facts).join("|")).toBe(expected);
  });

  test("a Job that is up to date is no trouble", () => {
    expect(skips(aRepository().declaring("ns:job/once", "app:1.0.0").withImages("app", "1.0.0"))).toEqual([
      "once up-to-date",
    ]);
  });
  test("an image that cannot be edited is no trouble while nothing has to change", () => {
    const odd = { containers: { odd: { image: "app:2.0.0", notEditable: "BLOCK_SCALAR" } } };
    expect(skips(aRepository().declaring("ns/odd", odd).withImages("app", "2.0.0"))).toEqual([
      "odd up-to-date",
    ]);
  });
  test("a filter that nobody can read stops its container and no other", () => {
    const facts = app("app:1.0.0", { "tag.app": "semver:nonsense" }).declaring("ns/good", "app:1.0.0");
    expect(skips(facts)).toEqual([expect.stringMatching(/^app no-eligible-image \(.*not a version range/)]);
    expect(changes(facts)).toEqual(["good app:1.0.0 -> app:2.0.0"]);
  });
});

describe("of several reasons", () => {
  const order = [
    "excluded",
    "declared-twice",
    "not-in-cluster",
    "different-image",
    "locked",
    "ignored",
    "held",
  ];
  const worst = app("app:1.0.0", { locked: "true", ignore: "true" })
    .holding("ns/app", "app", "held")
    .declaring("ns/used", "used:1.0.0");
  const named = exact("used:1.0.0");
  const steps: readonly [string, RepositoryFacts][] = [
    [
      "excluded",
      worst
        .declaring("ns/app", { containers: "app:1.0.0", path: "twin.yaml" })
        .running()
        .releasing("all", { ...named, exclude: ["ns/app"] }),
    ],
    [
      "declared-twice",
      worst
        .declaring("ns/app", { containers: "app:1.0.0", path: "twin.yaml" })
        .running()
        .releasing("all", named),
    ],
    ["not-in-cluster", worst.running().releasing("all", named)],
    ["different-image", worst.releasing("all", named)],
    ["locked", worst.releasing("all")],
    ["ignored", app("app:1.0.0", { ignore: "true" }).holding("ns/app", "app", "held")],
    ["held", app("{{ image }}").holding("ns/app", "app", "held")],
  ];
  test.each(steps)("%s comes before those after it", (reason, facts) => {
    const [first] = planned(facts).skips.filter((skip) => skip.container === "app");
    expect(first?.reason).toBe(reason);
    expect(order).toContain(reason);
  });
});

describe("a workload that is declared twice", () => {
  test("is left alone, and every other goes on", () => {
    const facts = shop.declaring("sock-shop/cart", {
      containers: "weaveworksdemos/cart:0.2.0",
      path: "old/cart.yaml",
    });
    const plan = planned(facts.releasing("all"));
    expect(plan.changes.map((change) => change.container)).toEqual(["front-end"]);
    expect(plan.skips.map((skip) => [skip.reason, skip.path])).toEqual([
      ["declared-twice", "deploy/cart.yaml"],
      ["declared-twice", "old/cart.yaml"],
    ]);
  });
  test("is told as such also when it is named alone", () => {
    const facts = shop.declaring("sock-shop/cart", {
      containers: "weaveworksdemos/cart:0.2.0",
      path: "old/cart.yaml",
    });
    expect(planned(facts.releasing("sock-shop/cart")).skips).toHaveLength(2);
  });
});

describe("what runs", () => {
  test("is not held against a workload while the view is too old to tell", () => {
    expect(changes(app("app:1.0.0").withStaleCluster())).toEqual(["app app:1.0.0 -> app:2.0.0"]);
  });
});

describe("a lock", () => {
  const locked = app("app:1.0.0", { locked: "true", ignore: "true" });
  test("is lifted, with the wish to be ignored, for workloads that are named", () => {
    expect(changes(locked.releasing("ns/app", { override: ["lock"] }))).toEqual([
      "app app:1.0.0 -> app:2.0.0",
    ]);
  });
  test("stands in a release of everything, and against every other right", () => {
    expect(skips(locked.releasing("all", { override: ["lock"] }))).toEqual(["app locked"]);
    expect(skips(locked.releasing("ns/app", { override: ["filter", "freeze", "window"] }))).toEqual([
      "app locked",
    ]);
  });
});
