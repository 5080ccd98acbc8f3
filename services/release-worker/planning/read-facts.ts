import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { isErrorCode, SlipwayError } from "#common/domain/errors.ts";
import {
  formatImageRef,
  parseImageRef,
  repositoryKey,
  tryParseImageRef,
  type ImageRef,
} from "#common/domain/image-ref.ts";
import type { DeclaredFact, ReleaseAsk, ReleaseFacts } from "#common/domain/plan.ts";
import type { ResolvedChoice } from "#common/domain/plan-choice.ts";
import type { KnownImage } from "#common/domain/tag-filter.ts";
import { parseWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import { finderOf } from "#common/domain/workload-finder.ts";
import type { Repository } from "#proto/slipway/registry/v1/registry.ts";
import type { Log } from "#common/kit/log.ts";
import type { FactSources } from "./batch-sources.ts";

/** Repositories never scanned that one plan may ask for by itself. */
const maxRefreshes = 20;

export interface FactsAsk {
  readonly environment: EnvironmentSettings;
  readonly ask: ReleaseAsk;
  readonly declared: readonly DeclaredFact[];
  readonly resolved: readonly ResolvedChoice[] | undefined;
}

export interface FactDeps {
  readonly sources: FactSources;
  readonly log: Log;
}

/** Everything the planner is given: what is declared, what runs, what exists. */
export async function readFacts({ sources, log }: FactDeps, asked: FactsAsk): Promise<ReleaseFacts> {
  const { ask, declared, resolved, environment } = asked;
  const { select = "latest" } = ask.images;
  const recalls = select !== "latest" && resolved === undefined;
  const ages = declared.some(({ policies }) => policies.minAgeMs !== undefined);
  const chosen = chosenOf(asked);
  const [now, running, images, recalled, rivals] = await Promise.all([
    ages ? sources.now() : undefined,
    sources.running(environment.name, idsAsked(asked)),
    recalls ? new Map<string, readonly KnownImage[]>() : readImages({ sources, log }, asked),
    recalls ? sources.recalled({ environment: environment.name, select, chosen }) : new Map<string, string>(),
    sources.rivals(
      environment,
      chosen.map((fact) => fact.id),
    ),
  ]);
  const { ids, nodes } = running;
  return { ask, declared, running: ids, nodes, images, resolved, recalled, rivals, now };
}

function chosenOf({ ask, declared }: Pick<FactsAsk, "ask" | "declared">): readonly DeclaredFact[] {
  if (ask.all) return declared;
  const find = finderOf(declared);
  return [...new Set(ask.workloads.flatMap((text) => find(parseWorkloadId(text))))];
}

/** What a release asks of, where git declares all of it; else only a list of everything that runs can tell. */
function idsAsked({ ask, declared }: FactsAsk): readonly WorkloadId[] | undefined {
  if (ask.all) return undefined;
  const find = finderOf(declared);
  const found = ask.workloads.map((text) => find(parseWorkloadId(text)).map((fact) => fact.id));
  return found.every((ids) => ids.length > 0) ? found.flat() : undefined;
}

async function readImages(
  { sources, log }: FactDeps,
  asked: FactsAsk,
): Promise<Map<string, readonly KnownImage[]>> {
  const exact = (asked.ask.images.exact ?? []).map(parseImageRef);
  if (exact.length > 0) return readExact(sources, exact);
  if (asked.resolved !== undefined) return new Map();
  const keys = repositoriesOf(asked);
  const found = new Map(await sources.images(keys));
  const unread = keys.filter((key) => found.get(key)?.scannedAt === undefined).slice(0, maxRefreshes);
  const refreshed = await Promise.all(
    unread.map((repository) => refreshOrNothing({ sources, log }, repository)),
  );
  for (const repository of refreshed) if (repository !== undefined) found.set(repository.key, repository);
  return new Map([...found].map(([key, repository]) => [key, repository.images.map(toKnownImage)]));
}

/** Image repositories that a plan will want to know of: for reading those of a whole batch at once. */
export function repositoriesOfPlan(asked: Pick<FactsAsk, "ask" | "declared">): string[] {
  const { exact, select = "latest" } = asked.ask.images;
  if (exact === undefined) return select === "latest" ? repositoriesOf(asked) : [];
  return exact.flatMap((text) => {
    const ref = tryParseImageRef(text);
    return ref === undefined ? [] : [repositoryKey(ref)];
  });
}

function repositoriesOf(asked: Pick<FactsAsk, "ask" | "declared">): string[] {
  const refs = chosenOf(asked).flatMap((fact) =>
    fact.containers.map((container) => tryParseImageRef(container.image)),
  );
  return [...new Set(refs.filter((ref) => ref !== undefined).map(repositoryKey))];
}

/** For "latest" an unreadable registry leaves its containers alone, with a reason; others go on. */
async function refreshOrNothing(
  { sources, log }: FactDeps,
  repository: string,
): Promise<Repository | undefined> {
  try {
    return (await sources.refresh(repository, "")).repository;
  } catch (error) {
    log.warn("image repository could not be read", { error, repository });
    return undefined;
  }
}

/** An exact image must exist: the store knows it, or the registry is asked once, now. */
async function readExact(sources: FactSources, exact: readonly ImageRef[]) {
  const found = new Map<string, readonly KnownImage[]>();
  const known = await sources.images([...new Set(exact.map(repositoryKey))]);
  for (const [key, repository] of known) found.set(key, repository.images.map(toKnownImage));
  for (const ref of exact) {
    const key = repositoryKey(ref);
    const tag = ref.tag ?? ref.digest ?? "";
    if (found.get(key)?.some((image) => isNamed(image, ref)) === true) continue;
    const answer = await sources.refresh(key, tag);
    if (!answer.tagFound) throw notThere(ref, answer.repository);
    found.set(key, answer.repository?.images.map(toKnownImage) ?? []);
  }
  return found;
}

function isNamed(image: KnownImage, ref: ImageRef): boolean {
  return ref.tag === undefined ? image.digest === ref.digest : image.tag === ref.tag;
}

/** `facts.image` tells what a job may wait for. */
function notThere(ref: ImageRef, repository: Repository | undefined): SlipwayError {
  const code = repository?.errorCode ?? "";
  if (code !== "" && isErrorCode(code) && code !== "REGISTRY_NOT_FOUND") {
    return new SlipwayError(code, { detail: repository?.errorDetail ?? "" });
  }
  return new SlipwayError("IMAGE_NOT_FOUND", {
    detail: `${repositoryKey(ref)}:${ref.tag ?? ref.digest ?? ""}`,
    hint: "slipway list-images shows the tags that exist",
    facts: { image: formatImageRef(ref) },
  });
}

function toKnownImage(image: Repository["images"][number]): KnownImage {
  return {
    tag: image.tag,
    ...(image.digest === "" ? {} : { digest: image.digest }),
    ...(image.createdAt === undefined ? {} : { createdAt: image.createdAt }),
    ...(image.seenAt === undefined ? {} : { seenAt: image.seenAt }),
    ...(image.firstSeenAt === undefined ? {} : { firstSeenAt: image.firstSeenAt }),
    ...(image.platforms.length === 0 ? {} : { platforms: image.platforms }),
  };
}
