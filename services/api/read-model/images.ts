import type { Workload, WorkloadImages } from "#common/contracts/http.ts";
import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import type { ImageRef } from "#common/domain/image-ref.ts";
import { compareNewestFirst } from "#common/domain/tag.ts";
import type { ImageRow } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";

type ContainerImages = WorkloadImages["containers"][number];
type AvailableImage = ContainerImages["available"][number];

/** One tag as far as it is told. */
type ListedImage = Pick<ImageRow, "tag" | "digest" | "createdAt" | "firstSeenAt">;

/** What is told of an image repository, whoever runs it. */
export interface ListedRepository {
  /** Newest first, none marked as running. */
  readonly images: readonly AvailableImage[];
  readonly scannedAt: string | null;
  readonly problem: JobErrorRow | null;
}

/** A repository as it is told; the same for every container that runs one of its images. */
export function toListed(of: {
  readonly images: readonly ListedImage[];
  readonly scannedAt: Date | null;
  readonly problem: JobErrorRow | null;
}): ListedRepository {
  return {
    images: of.images.toSorted(newestFirst).map(available),
    scannedAt: of.scannedAt?.toISOString() ?? null,
    problem: of.problem,
  };
}

export interface ImageFacts {
  readonly workload: Workload;
  /** By canonical repository key; what was never scanned is absent. */
  readonly repositories: ReadonlyMap<string, ListedRepository>;
  /** Why a refresh just now did not work, by key. */
  readonly problems: ReadonlyMap<string, JobErrorRow>;
  readonly container: string | undefined;
  readonly limit: number;
}

/** The images each container could run, newest first; the running one is never cut off. */
export function imagesOfWorkload(facts: ImageFacts): WorkloadImages {
  const { workload, container } = facts;
  const wanted = workload.containers.filter(({ name }) => container === undefined || name === container);
  return {
    workload: workload.id,
    environment: workload.environment,
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
  const all = (repository?.images ?? []).map((image) =>
    isRunning(image, ref) ? { ...image, running: true } : image,
  );
  return {
    container: one.name,
    image: one.image,
    repository: ref?.name ?? one.image,
    available: all.filter((image, at) => at < facts.limit || image.running),
    total: all.length,
    scannedAt: repository?.scannedAt ?? null,
    problem: facts.problems.get(key) ?? repository?.problem ?? null,
  };
}

function available({ tag, digest, createdAt, firstSeenAt }: ListedImage): AvailableImage {
  return {
    tag,
    digest,
    createdAt: createdAt?.toISOString() ?? null,
    firstSeenAt: firstSeenAt.toISOString(),
    running: false,
  };
}

/** By tag where the cluster names one; a bare digest marks every tag that points at it. */
function isRunning(row: AvailableImage, running: ImageRef | undefined): boolean {
  if (running === undefined) return false;
  if (running.tag !== undefined) return running.tag === row.tag;
  return running.digest === undefined ? row.tag === "latest" : running.digest === row.digest;
}

function newestFirst(a: ListedImage, b: ListedImage): number {
  return compareNewestFirst(dated(a), dated(b));
}

function dated({ tag, createdAt }: ListedImage) {
  return createdAt === null ? { tag } : { tag, createdAt };
}
