import * as fc from "fast-check";
import { expect, test } from "vitest";

import { aRepository, digestOf, type RepositoryFacts } from "#common/testing/repository.ts";

import { tryParseImageRef } from "./image-ref.ts";
import { planRelease, type DeclaredFact, type ReleaseFacts, type ReleasePlan } from "./plan.ts";
import { formatWorkloadId } from "./workload.ts";

const repositories = ["app", "docker.io/library/app", "sidecar", "quay.io/team/db"];
const tags = ["1.0.0", "1.1.0", "2.0.0", "3", "latest", "snapshot"];
const runs = { numRuns: 400 };

const imageText = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.constantFrom(...repositories), fc.constantFrom("", ...tags), fc.boolean())
      .map(
        ([name, tag, pinned]) => `${name}${tag === "" ? "" : `:${tag}`}${pinned ? `@${digestOf("a")}` : ""}`,
      ),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "{{ .Values.image }}", "Upper/Case:1") },
);

const slot = fc.oneof(
  { weight: 5, arbitrary: imageText },
  { weight: 1, arbitrary: imageText.map((image) => ({ image, notEditable: "ANCHOR" })) },
);

const workload = fc.record({
  name: fc.constantFrom("ns/a", "ns/b", "ns/c", "other/a", "ns:statefulset/d", "ns:job/once"),
  containers: fc.dictionary(fc.constantFrom("web", "init", "constructor"), slot, { minKeys: 1 }),
  locked: fc.boolean(),
  ignore: fc.boolean(),
  held: fc.boolean(),
  runs: fc.boolean(),
  filter: fc.constantFrom(undefined, "*", "semver:~1", "glob:1.*", "semver:nonsense"),
});

const known = fc.array(
  fc.record(
    {
      tag: fc.constantFrom(...tags),
      digest: fc.constantFrom(digestOf("a"), digestOf("b")),
      createdAt: fc.integer({ min: 1, max: 28 }).map((day) => new Date(Date.UTC(2016, 10, day))),
    },
    { requiredKeys: ["tag"] },
  ),
  { maxLength: 6 },
);

const someFacts = fc
  .record({
    workloads: fc.array(workload, { maxLength: 5 }),
    images: fc.tuple(known, known, known),
    exclude: fc.subarray(["ns/a", "ns/b"]),
    override: fc.subarray(["lock", "filter"]),
    stale: fc.boolean(),
  })
  .map(({ workloads, images, exclude, override, stale }): ReleaseFacts => {
    let repository = aRepository().releasing("all", { exclude, override });
    for (const [index, one] of workloads.entries()) {
      repository = repository.declaring(one.name, {
        containers: one.containers,
        path: `deploy/${index}.yaml`,
        policies: policiesOf(one),
      });
      if (one.held) repository = repository.holding(one.name, "web", "failed before");
    }
    for (const [index, name] of ["app", "sidecar", "quay.io/team/db"].entries()) {
      repository = repository.withImages(name, ...(images[index] ?? []));
    }
    return runningOf(
      repository,
      workloads.filter((one) => one.runs).map((one) => one.name),
      stale,
    );
  });

function policiesOf(one: {
  locked: boolean;
  ignore: boolean;
  filter: string | undefined;
}): Record<string, string> {
  return {
    ...(one.locked ? { locked: "true" } : {}),
    ...(one.ignore ? { ignore: "true" } : {}),
    ...(one.filter === undefined ? {} : { "tag.web": one.filter }),
  };
}

function runningOf(repository: RepositoryFacts, names: readonly string[], stale: boolean): ReleaseFacts {
  return (stale ? repository.withStaleCluster() : repository.running(...names)).facts;
}

/** What git holds after the plan was carried out. */
function applied(facts: ReleaseFacts, plan: ReleasePlan): ReleaseFacts {
  const to = new Map(plan.changes.map((change) => [placeOf(change), change.to]));
  const declared = facts.declared.map((fact): DeclaredFact => ({
    ...fact,
    containers: fact.containers.map((container) => ({
      ...container,
      image:
        to.get(placeOf({ workload: fact.id, path: fact.path, container: container.name })) ?? container.image,
    })),
  }));
  return { ...facts, declared };
}

function placeOf(o: {
  workload: DeclaredFact["id"] | string;
  path: string | undefined;
  container: string;
}): string {
  const id = typeof o.workload === "string" ? o.workload : formatWorkloadId(o.workload);
  return `${id} ${o.path ?? ""} ${o.container}`;
}

test("each container of a chosen workload is changed or skipped, exactly once", () => {
  fc.assert(
    fc.property(someFacts, (facts) => {
      const plan = planRelease(facts);
      const told = [...plan.changes, ...plan.skips].map(placeOf).sort();
      const wanted = facts.declared.flatMap((fact) =>
        fact.containers.map((container) =>
          placeOf({ workload: fact.id, path: fact.path, container: container.name }),
        ),
      );
      expect(told).toEqual(wanted.sort());
    }),
    runs,
  );
});

test("nothing that is locked, ignored, held, excluded, absent, uneditable or declared twice is changed", () => {
  fc.assert(
    fc.property(someFacts, (facts) => {
      for (const change of planRelease(facts).changes) {
        const id = formatWorkloadId(change.workload);
        const declared = facts.declared.filter((fact) => formatWorkloadId(fact.id) === id);
        const slot = declared[0]?.containers.find((container) => container.name === change.container);
        expect(declared).toHaveLength(1);
        expect(declared[0]?.policies).toMatchObject({ locked: false, ignore: false });
        expect(facts.held?.has(`${id} ${change.container}`) ?? false).toBe(false);
        expect(facts.ask.exclude).not.toContain(`${change.workload.namespace}/${change.workload.name}`);
        expect(facts.running?.has(id) ?? true).toBe(true);
        expect(slot?.editable).toBe(true);
        expect(change.workload.kind).not.toBe("job");
      }
    }),
    runs,
  );
});

test("a change keeps the image's repository, its spelling, and whether a digest is pinned", () => {
  fc.assert(
    fc.property(someFacts, (facts) => {
      for (const { from, to } of planRelease(facts).changes) {
        const [old, fresh] = [tryParseImageRef(from), tryParseImageRef(to)];
        expect(to).not.toBe(from);
        expect(fresh?.name).toBe(old?.name);
        expect(fresh?.digest === undefined).toBe(old?.digest === undefined);
      }
    }),
    runs,
  );
});

test("planning again with what was resolved, after the changes are made, changes nothing", () => {
  fc.assert(
    fc.property(someFacts, (facts) => {
      const plan = planRelease(facts);
      const again = planRelease({ ...applied(facts, plan), resolved: plan.resolved });
      expect(again.changes).toEqual([]);
      expect(again.resolved).toEqual(plan.resolved);
    }),
    runs,
  );
});

test("planning again on the same tip makes the same changes, and leaves the rest alone for the same reasons, whatever images exist by then", () => {
  fc.assert(
    fc.property(someFacts, known, (facts, later) => {
      const plan = planRelease(facts);
      const images = new Map([["docker.io/library/app", later]]);
      const again = planRelease({ ...facts, images, resolved: plan.resolved });
      // Why an image was chosen is told once, when it is chosen.
      const untold = (plan.changes as readonly object[]).map((change) => ({ ...change, detail: undefined }));
      expect(again.changes).toEqual(untold);
      expect(again.skips).toEqual(plan.skips);
    }),
    runs,
  );
});
