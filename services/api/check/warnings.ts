import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { NodePlatforms } from "#common/contracts/http.ts";
import { tryParseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { Workload as Running } from "#proto/slipway/cluster/v1/cluster.ts";
import type { OtherWriter } from "#proto/slipway/release/v1/release.ts";

export interface WarningFacts {
  readonly check: Pick<EnvironmentCheck, "cluster" | "git">;
  readonly declared: ReadonlyMap<string, readonly DeclaredRow[]>;
  readonly running: ReadonlyMap<string, Running> | undefined;
  readonly nodes: NodePlatforms;
  readonly writers: readonly OtherWriter[];
  /** False where the repository has more files than were looked through. */
  readonly lookedThrough: boolean;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
}

/** What works against releases without standing in their way yet. */
export function warningsOf(facts: WarningFacts): string[] {
  const { check, faults } = facts;
  return [
    otherWriters(facts.writers),
    runningWriters(facts.running),
    declaredTwice(facts.declared),
    counted(
      faults,
      (one) => `${one.path}: ${one.message}`,
      "file(s) of the config repository cannot be read",
    ),
    oldCluster(check.cluster.version),
    missingRights(check.cluster.rights),
    unknownNodes(facts),
    check.git.read.ok && !facts.lookedThrough
      ? ["not all of the repository was looked through for other declarations and other writers of images"]
      : [],
    check.git.level === "branch-only"
      ? ["the git host keeps no ref beside the branch: a late copy of an abandoned push can still land there"]
      : [],
  ].flat();
}

const tools: Readonly<Record<string, string>> = {
  flux: "Flux's image automation",
  "argo-cd": "Argo CD Image Updater",
};

function otherWriters(writers: readonly OtherWriter[]): string[] {
  return [...Map.groupBy(writers, ({ tool }) => tool)].map(([tool, places]) => {
    const [first] = places;
    const more = places.length > 1 ? ` and ${places.length - 1} more` : "";
    const where = `${first?.path ?? ""}:${first?.line ?? 0}${more}`;
    return `${tools[tool] ?? tool} writes images to git too (${where}): leave each image to one of the two`;
  });
}

const writerImages: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\/image-automation-controller$/, "Flux's image automation"],
  [/\/argocd-image-updater$/, "Argo CD Image Updater"],
  [/^docker\.io\/(?:fluxcd|weaveworks)\/flux$/, "Flux v1"],
];

/** They may well write elsewhere; that somebody looks is what is asked for. */
/** Controllers in the cluster that write images to git as well. */
export function runningWriters(running: ReadonlyMap<string, Running> | undefined): string[] {
  const found = new Map<string, string>();
  for (const [id, { containers }] of running ?? []) {
    for (const { image } of containers) {
      const ref = tryParseImageRef(image);
      const key = ref === undefined ? "" : repositoryKey(ref);
      const [, name] = writerImages.find(([pattern]) => pattern.test(key)) ?? [];
      if (name !== undefined) found.set(name, id);
    }
  }
  return [...found].map(
    ([name, id]) => `${name} runs here (${id}): see that it writes no image of this branch`,
  );
}

function declaredTwice(declared: ReadonlyMap<string, readonly DeclaredRow[]>): string[] {
  const twice = [...declared].filter(([, rows]) => rows.length > 1);
  const placesOf = ([id, rows]: (typeof twice)[number]) =>
    `${id} in ${rows.map((row) => row.path).join(" and ")}`;
  return counted(twice, placesOf, "workload(s) are declared more than once and are never released");
}

function counted<T>(all: readonly T[], textOf: (one: T) => string, what: string): string[] {
  const [first] = all;
  if (first === undefined) return [];
  return [`${all.length} ${what}: ${textOf(first)}${all.length > 1 ? ", …" : ""}`];
}

const oldestMinor = 30;

function oldCluster(version: string | null): string[] {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  if (major === undefined || Number(major) > 1 || Number(minor) >= oldestMinor) return [];
  return [`the cluster runs Kubernetes ${version ?? ""}; Slipway is made for 1.${oldestMinor} and later`];
}

/** Said only where the cluster itself can be seen: else that is what is wrong. */
function unknownNodes({ check, nodes }: WarningFacts): string[] {
  if (nodes.problem === null || !check.cluster.view.ok) return [];
  return [`an image that no node can run may be released as the latest: ${nodes.problem} (docs/rights.md)`];
}

function missingRights(rights: EnvironmentCheck["cluster"]["rights"]): string[] {
  const missing = rights.filter((right) => !right.required && !right.allowed);
  const what = [
    ...new Set(missing.map(({ neededFor, verb, resource }) => `${neededFor}: ${verb} ${resource}`)),
  ];
  return what.length === 0 ? [] : [`less can be done without these rights (${what.join(", ")})`];
}
