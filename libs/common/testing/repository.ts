import { repositoryKey, parseImageRef } from "#common/domain/image-ref.ts";
import type { DeclaredFact, ReleaseAsk, ReleaseFacts } from "#common/domain/plan.ts";
import { containerKey, type ResolvedChoice } from "#common/domain/plan-choice.ts";
import { readPolicies } from "#common/domain/policy.ts";
import type { KnownImage } from "#common/domain/tag-filter.ts";
import { formatWorkloadId, parseWorkloadId, type WorkloadId } from "#common/domain/workload.ts";

/** A container as a test writes it: its image, or its image and why it cannot be edited. */
export type ContainerText = string | { readonly image: string; readonly notEditable: string };

/** What a manifest says of one workload. */
export interface DeclaredText {
  /** Container → image; one container named like the workload when it is only a text. */
  readonly containers: string | Readonly<Record<string, ContainerText>>;
  /** As annotations; "slipway.dev/" is put in front of a key without a prefix. */
  readonly policies?: Readonly<Record<string, string>>;
  /** `deploy/NAME.yaml` by default. */
  readonly path?: string;
  /** Why the file cannot be read any more; the rest is what it said when it could. */
  readonly broken?: string;
}

/** Planner's facts, told in sentences; each answers a new repository and leaves the old one as it was. */
export interface RepositoryFacts {
  readonly facts: ReleaseFacts;
  /** Declares `namespace/name` (a deployment) or `namespace:kind/name`; twice when called twice. */
  declaring(workload: string, said: DeclaredText | string): RepositoryFacts;
  /** What runs; before the first call everything declared does. */
  running(...workloads: readonly string[]): RepositoryFacts;
  /** The cluster's view is too old to tell what runs. */
  withStaleCluster(): RepositoryFacts;
  /** Tags of an image repository, the newest last, a day between each two. */
  withImages(repository: string, ...tags: readonly (string | KnownImage)[]): RepositoryFacts;
  /** A hold against automation on a container. */
  holding(workload: string, container: string, reason: string): RepositoryFacts;
  /** A workload that two environments declare for one object. */
  rivalled(workload: string, environments: string): RepositoryFacts;
  /** What `latest` became when the job was planned first. */
  resolvedTo(...choices: readonly ResolvedChoice[]): RepositoryFacts;
  /** Asks for workloads; "all" is everything. */
  releasing(workloads: string | readonly string[], ask?: Partial<ReleaseAsk>): RepositoryFacts;
}

/** A config repository that declares nothing yet. */
export function aRepository(): RepositoryFacts {
  return withSentences({
    ask: { workloads: [], all: true, exclude: [], images: { select: "latest" }, override: [] },
    declared: [],
    running: new Set(),
    images: new Map(),
  });
}

/** The id of `namespace/name`, which is a deployment unless the text names another kind. */
export function workloadId(text: string): WorkloadId {
  return { kind: "deployment", ...parseWorkloadId(text) };
}

/** Tags as a registry would list them: a day between each two, the newest last. */
export function images(...tags: readonly (string | KnownImage)[]): readonly KnownImage[] {
  return tags.map((tag, day) =>
    typeof tag === "string" ? { tag, createdAt: new Date(Date.UTC(2016, 10, 1 + day, 16)) } : tag,
  );
}

/** A sha256 digest that is all one digit: easy to tell apart. */
export function digestOf(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

function withSentences(
  facts: ReleaseFacts,
  o: { runsAsDeclared: boolean } = { runsAsDeclared: true },
): RepositoryFacts {
  const but = (change: Partial<ReleaseFacts>, next = o): RepositoryFacts =>
    withSentences({ ...facts, ...change }, next);
  return {
    facts,
    declaring(workload, said) {
      const declared = [...facts.declared, declaredFact(workload, said)];
      const ids = declared.map((fact) => formatWorkloadId(fact.id));
      return but(o.runsAsDeclared ? { declared, running: new Set(ids) } : { declared });
    },
    running: (...workloads) => {
      const ids = workloads.map((text) => formatWorkloadId(workloadId(text)));
      return but({ running: new Set(ids) }, { runsAsDeclared: false });
    },
    withStaleCluster: () => but({ running: undefined }, { runsAsDeclared: false }),
    withImages(repository, ...tags) {
      const key = repositoryKey(parseImageRef(repository));
      return but({ images: new Map([...facts.images, [key, images(...tags)]]) });
    },
    holding(workload, container, reason) {
      const key = containerKey({ workload: formatWorkloadId(workloadId(workload)), container });
      return but({ held: new Map([...(facts.held ?? []), [key, reason]]) });
    },
    rivalled: (workload, environments) =>
      but({ rivals: new Map([[formatWorkloadId(workloadId(workload)), environments]]) }),
    resolvedTo: (...choices) => but({ resolved: choices }),
    releasing(workloads, ask = {}) {
      const all = workloads === "all";
      const named = all ? [] : [workloads].flat();
      return but({ ask: { ...facts.ask, ...ask, all, workloads: named } });
    },
  };
}

function declaredFact(workload: string, said: DeclaredText | string): DeclaredFact {
  const id = workloadId(workload);
  const text: DeclaredText = typeof said === "string" ? { containers: said } : said;
  const { containers, policies = {}, path, broken } = text;
  const slots = typeof containers === "string" ? { [id.name]: containers } : containers;
  const annotations = Object.entries(policies).map(([key, value]) => [
    key.includes("/") ? key : `slipway.dev/${key}`,
    value,
  ]);
  return {
    id,
    path: path ?? `deploy/${id.name}.yaml`,
    policies: readPolicies(Object.fromEntries(annotations) as Record<string, string>),
    containers: Object.entries(slots).map(([name, slot]) =>
      typeof slot === "string"
        ? { name, image: slot, editable: true }
        : { name, image: slot.image, editable: false, reason: slot.notEditable },
    ),
    ...(broken === undefined ? {} : { broken }),
  };
}
