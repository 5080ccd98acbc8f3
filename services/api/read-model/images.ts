import type { Workload, WorkloadImages } from "#common/contracts/http.ts";
import { originOf } from "#common/domain/image-origin.ts";
import type { ImageOrigin } from "#common/domain/image-origin.ts";
import { cutImages } from "#common/domain/image-page.ts";
import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";
import { compareNewestFirst } from "#common/domain/tag-filter.ts";
import type { KnownImage } from "#common/domain/tag-filter.ts";
import type { ImageRow, RepositoryImages } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";

import type { Eligibility, Judged, ListedImage } from "./eligibility.ts";
import type { NodeFacts } from "./node-platforms.ts";

type ContainerImages = WorkloadImages["containers"][number];
type AvailableImage = ContainerImages["available"][number];

/** One tag as far as it is told. */
export interface ToldImage extends KnownImage {
  readonly firstSeenAt: Date;
  readonly createdFrom?: string | undefined;
  readonly movedAt?: Date | undefined;
  /** Absent in lists of many workloads. */
  readonly origin?: ImageOrigin;
}

/** What is told of an image repository, whoever runs it. */
export interface ListedRepository {
  /** Newest first. */
  readonly images: readonly ListedImage[];
  readonly scannedAt: Date | null;
  readonly problem: JobErrorRow | null;
  /** False where the registry's list was cut short. */
  readonly complete: boolean;
  /** Tags of which nothing but the name is known. */
  readonly unread: number;
}

/** Images as they are told, newest first; the same for every container that runs one of them. */
export function toListed(
  images: readonly ToldImage[],
  o: { readonly platforms: boolean },
): readonly ListedImage[] {
  return images.toSorted(compareNewestFirst).map((image) => {
    const { tag, digest, createdAt, seenAt, firstSeenAt, platforms } = image;
    return {
      tag,
      firstSeenAt,
      ...(digest !== undefined && { digest }),
      ...(createdAt !== undefined && { createdAt }),
      ...(seenAt !== undefined && { seenAt }),
      ...(platforms !== undefined && { platforms }),
      told: available(o.platforms ? image : { ...image, platforms: undefined }),
    };
  });
}

/** A repository as the store has it, with all that is known of each image. */
export function listRepository(row: RepositoryImages): ListedRepository {
  const images = row.images.filter(({ kind }) => kind !== "artifact");
  return {
    images: toListed(images.map(toTold), { platforms: true }),
    scannedAt: row.scanned_at,
    problem: row.problem,
    complete: row.complete,
    unread: row.images.filter(({ kind }) => kind === null).length,
  };
}

export interface ImageFacts {
  readonly workload: Workload;
  /** By canonical repository key; what was never scanned is absent. */
  readonly repositories: ReadonlyMap<string, ListedRepository>;
  /** Why a refresh just now did not work, by key. */
  readonly problems: ReadonlyMap<string, JobErrorRow>;
  /** The tag filter that git has for a container. */
  readonly filterOf: (container: string) => string | undefined;
  /** What an image of the workload must be besides. */
  readonly rule?: Judged["rule"];
  readonly eligibility: Eligibility;
  readonly nodes: NodeFacts;
  readonly now: Date;
  readonly page: ImagePageAsk;
}

export interface ImagePageAsk {
  readonly container?: string | undefined;
  readonly limit: number;
  readonly after?: string | undefined;
  /** Leaves out what "latest" may not choose. */
  readonly eligibleOnly?: boolean;
}

/** The images each container could run, newest first; the running one is on the first page in any case. */
export function imagesOfWorkload(facts: ImageFacts): WorkloadImages {
  const { workload, page } = facts;
  const wanted = workload.containers.filter(
    ({ name }) => page.container === undefined || name === page.container,
  );
  return {
    workload: workload.id,
    environment: workload.environment,
    nodes: facts.nodes.told,
    containers: wanted.map((one) => imagesOfContainer(facts, one)),
  };
}

/** The canonical key of a container's image repository; undefined when the image cannot be read. */
export function keyOfImage(image: string): string | undefined {
  const ref = tryParseImageRef(image);
  return ref === undefined ? undefined : repositoryKey(ref);
}

function imagesOfContainer(facts: ImageFacts, one: Workload["containers"][number]): ContainerImages {
  const ref = tryParseImageRef(one.image);
  const key = ref === undefined ? "" : repositoryKey(ref);
  const repository = facts.repositories.get(key);
  const filter = facts.filterOf(one.name);
  const { available, total, next } = pageOf(facts, { ref, filter, images: repository?.images ?? [] });
  const scannedAt = repository?.scannedAt ?? null;
  const problem = facts.problems.get(key) ?? repository?.problem ?? null;
  return {
    container: one.name,
    image: one.image,
    repository: ref?.name ?? one.image,
    available,
    total,
    next,
    filter: filter ?? null,
    scannedAt: scannedAt?.toISOString() ?? null,
    ageMs: scannedAt === null ? null : Math.max(0, facts.now.getTime() - scannedAt.getTime()),
    missing: missingOf(ref, repository, problem),
    problem,
  };
}

interface Wanted {
  readonly ref: ImageRef | undefined;
  readonly filter: string | undefined;
  readonly images: readonly ListedImage[];
}

function pageOf(
  { page, eligibility, rule }: ImageFacts,
  { ref, filter, images }: Wanted,
): { available: AvailableImage[]; total: number; next: string | null } {
  if (ref === undefined) return { available: [], total: 0, next: null };
  const judged = eligibility(images, { current: ref, filter, rule });
  const wanted = page.eligibleOnly === true ? judged.filter(({ told }) => told.eligible) : judged;
  const cut = cutImages(wanted, { limit: page.limit, after: page.after });
  const running = page.after === undefined ? judged.filter(({ told }) => isRunning(told, ref)) : [];
  const beyond = running.filter((image) => !cut.images.includes(image));
  const available = [...cut.images, ...beyond].map(({ told }) =>
    isRunning(told, ref) ? { ...told, running: true } : told,
  );
  return { available, total: wanted.length, next: cut.next };
}

function missingOf(
  ref: ImageRef | undefined,
  repository: ListedRepository | undefined,
  problem: JobErrorRow | null,
): ContainerImages["missing"] {
  if (ref === undefined) return { reason: "not-an-image", detail: "this is no image reference" };
  if (problem !== null) return { reason: "unreadable", detail: problem.detail ?? problem.title };
  if (repository === undefined || repository.scannedAt === null) {
    return { reason: "not-scanned", detail: "its registry has not been asked yet" };
  }
  if (!repository.complete) {
    return {
      reason: "list-cut",
      detail: "the registry's list of tags does not end; older tags may be missing",
    };
  }
  if (repository.unread === 0) return null;
  return { reason: "unread", detail: `nothing but the name is known so far of ${repository.unread} tag(s)` };
}

function toTold(row: ImageRow): ToldImage {
  const { tag, digest, createdAt, createdFrom, seenAt, firstSeenAt, movedAt, platforms } = row;
  return {
    tag,
    ...(digest !== null && { digest }),
    ...(createdAt !== null && { createdAt }),
    ...(createdFrom !== null && { createdFrom }),
    ...(seenAt !== null && { seenAt }),
    ...(movedAt !== null && { movedAt }),
    firstSeenAt,
    platforms,
    origin: originOf(row.labels),
  };
}

const noOrigin = { version: null, revision: null, source: null };

function available(image: ToldImage): AvailableImage {
  const { tag, digest, createdAt, createdFrom, firstSeenAt, movedAt, platforms, origin } = image;
  return {
    tag,
    digest: digest ?? null,
    createdAt: createdAt?.toISOString() ?? null,
    firstSeenAt: firstSeenAt.toISOString(),
    dateFrom: createdAt === undefined ? "first-seen" : createdFrom === "label" ? "label" : "config",
    ...(platforms !== undefined && { platforms: [...platforms] }),
    ...(origin !== undefined && { origin: { ...noOrigin, ...origin } }),
    runnable: null,
    movedAt: movedAt?.toISOString() ?? null,
    running: false,
    eligible: true,
    ineligible: null,
  };
}

/** By tag where the cluster names one; a bare digest marks every tag that points at it. */
function isRunning(row: AvailableImage, running: ImageRef): boolean {
  if (running.tag !== undefined) return running.tag === row.tag;
  return running.digest === undefined ? row.tag === "latest" : running.digest === row.digest;
}
