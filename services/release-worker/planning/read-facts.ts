import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { isErrorCode, SlipwayError } from "#common/domain/errors.ts";
import { parseImageRef, repositoryKey, tryParseImageRef, type ImageRef } from "#common/domain/image-ref.ts";
import type { DeclaredFact, ReleaseAsk, ReleaseFacts, ResolvedChoice } from "#common/domain/plan.ts";
import type { KnownImage } from "#common/domain/tag.ts";
import { formatWorkloadId, matchesWorkload, parseWorkloadId } from "#common/domain/workload.ts";
import type { RegistryServiceClient, Repository } from "#proto/slipway/registry/v1/registry.ts";
import type { WorkerDeps } from "../deps.ts";

/** A cluster view older than this says nothing about what does not run. */
const freshMs = 10_000n;
/** Repositories never scanned that one plan may ask for by itself. */
const maxRefreshes = 20;

export interface FactsAsk {
  readonly environment: EnvironmentSettings;
  readonly ask: ReleaseAsk;
  readonly declared: readonly DeclaredFact[];
  readonly resolved: readonly ResolvedChoice[] | undefined;
}

type FactDeps = Pick<WorkerDeps, "cluster" | "registry" | "log">;

/** Everything the planner is given: what is declared, what runs, what exists. */
export async function readFacts(deps: FactDeps, asked: FactsAsk): Promise<ReleaseFacts> {
  const [running, images] = await Promise.all([
    readRunning(deps, asked.environment.name),
    readImages(deps, asked),
  ]);
  return { ask: asked.ask, declared: asked.declared, running, images, resolved: asked.resolved };
}

/** Ids of what runs; undefined when the view is stale or the watcher is away: not knowing is not "absent". */
async function readRunning(deps: FactDeps, environment: string): Promise<ReadonlySet<string> | undefined> {
  try {
    const answer = await deps.cluster.listWorkloads({ environment, namespace: "" });
    const fresh = answer.view !== undefined && answer.view.complete && answer.view.ageMs <= freshMs;
    return fresh ? new Set(answer.workloads.map(formatWorkloadId)) : undefined;
  } catch (error) {
    deps.log.warn("planning without a view of the cluster", { error, environment });
    return undefined;
  }
}

async function readImages(deps: FactDeps, asked: FactsAsk): Promise<Map<string, readonly KnownImage[]>> {
  const exact = (asked.ask.images.exact ?? []).map(parseImageRef);
  if (exact.length > 0) return readExact(deps.registry, exact);
  if (asked.resolved !== undefined) return new Map();
  const keys = repositoriesOf(asked);
  const found = new Map<string, Repository>();
  const answer = await deps.registry.listImages({ repositories: keys });
  for (const repository of answer.repositories) found.set(repository.key, repository);
  const unread = keys.filter((key) => found.get(key)?.scannedAt === undefined).slice(0, maxRefreshes);
  const refreshed = await Promise.all(unread.map((repository) => refreshOrNothing(deps, repository)));
  for (const repository of refreshed) if (repository !== undefined) found.set(repository.key, repository);
  return new Map([...found].map(([key, repository]) => [key, repository.images.map(toKnownImage)]));
}

function repositoriesOf(asked: FactsAsk): string[] {
  const wanted = asked.ask.workloads.map((text) => parseWorkloadId(text));
  const chosen = asked.declared.filter(
    (fact) => asked.ask.all || wanted.some((workload) => matchesWorkload(fact.id, workload)),
  );
  const refs = chosen.flatMap((fact) =>
    fact.containers.map((container) => tryParseImageRef(container.image)),
  );
  return [...new Set(refs.filter((ref) => ref !== undefined).map(repositoryKey))];
}

/** For "latest" an unreadable registry leaves its containers alone, with a reason; others go on. */
async function refreshOrNothing(deps: FactDeps, repository: string): Promise<Repository | undefined> {
  try {
    return (await deps.registry.refresh({ repository, tag: "" })).repository;
  } catch (error) {
    deps.log.warn("image repository could not be read", { error, repository });
    return undefined;
  }
}

/** An exact image must exist: the store knows it, or the registry is asked once, now. */
async function readExact(registry: RegistryServiceClient, exact: readonly ImageRef[]) {
  const found = new Map<string, readonly KnownImage[]>();
  const keys = [...new Set(exact.map(repositoryKey))];
  const known = await registry.listImages({ repositories: keys });
  for (const repository of known.repositories) found.set(repository.key, repository.images.map(toKnownImage));
  for (const ref of exact) {
    const key = repositoryKey(ref);
    const tag = ref.tag ?? ref.digest ?? "";
    if (found.get(key)?.some((image) => isNamed(image, ref)) === true) continue;
    const answer = await registry.refresh({ repository: key, tag });
    if (!answer.tagFound) throw notThere(key, tag, answer.repository);
    found.set(key, answer.repository?.images.map(toKnownImage) ?? []);
  }
  return found;
}

function isNamed(image: KnownImage, ref: ImageRef): boolean {
  return ref.tag === undefined ? image.digest === ref.digest : image.tag === ref.tag;
}

function notThere(key: string, tag: string, repository: Repository | undefined): SlipwayError {
  const code = repository?.errorCode ?? "";
  if (code !== "" && isErrorCode(code) && code !== "REGISTRY_NOT_FOUND") {
    return new SlipwayError(code, { detail: repository?.errorDetail ?? "" });
  }
  return new SlipwayError("IMAGE_NOT_FOUND", {
    detail: `${key}:${tag}`,
    hint: "slipway list-images shows the tags that exist",
  });
}

function toKnownImage(image: Repository["images"][number]): KnownImage {
  return {
    tag: image.tag,
    ...(image.digest === "" ? {} : { digest: image.digest }),
    ...(image.createdAt === undefined ? {} : { createdAt: image.createdAt }),
  };
}
