import type { Workload, WorkloadImages } from "#common/contracts/http.ts";
import { errorCatalogue, isErrorCode, toSlipwayError } from "#common/domain/errors.ts";
import type { SeenImage } from "#common/store/image-facts.ts";
import { imagesOf } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";

import type { ApiDeps } from "./deps.ts";
import type { ImagesRead } from "./image-board.ts";
import { imagesOfWorkload, keyOfImage, toListed } from "./read-model/images.ts";
import type { ListedRepository } from "./read-model/images.ts";
import type { ImageEntry } from "./read-model/newest.ts";

export interface ImagesAsk {
  readonly workload: Workload;
  readonly container: string | undefined;
  readonly limit: number;
  readonly refresh: boolean;
}

const refreshDeadlineMs = 30_000;

/** The images a workload's containers could run; with `refresh` the registries are asked first. */
export async function readImages(
  deps: Pick<ApiDeps, "store" | "registry" | "log">,
  asked: ImagesAsk,
): Promise<WorkloadImages> {
  const { workload, container, limit, refresh } = asked;
  const wanted = workload.containers.filter(({ name }) => container === undefined || name === container);
  const keys = keysOf(wanted);
  const problems = refresh ? await refreshAll(deps, keys) : new Map<string, JobErrorRow>();
  const found = await imagesOf(deps.store.db, keys);
  const repositories = new Map(
    [...found].map(([key, row]) => [key, toListed({ ...row, scannedAt: row.scanned_at })]),
  );
  return imagesOfWorkload({ workload, repositories, problems, container, limit });
}

/** The images of many workloads, from what their list was made of: nothing more is read. */
export type ImagesOfMany = (
  known: ImagesRead,
  workloads: readonly Workload[],
  limit: number,
) => WorkloadImages[];

/** Keeps each repository as it is told for as long as nothing of it changes. */
export function createImagesOfMany(): ImagesOfMany {
  const told = new WeakMap<ImageEntry, ListedRepository>();
  const tell = (entry: ImageEntry): ListedRepository => {
    const before = told.get(entry);
    if (before !== undefined) return before;
    const images = entry.images.map(withNulls);
    const listed = toListed({ images, scannedAt: null, problem: null });
    told.set(entry, listed);
    return listed;
  };
  return ({ states, entries }, workloads, limit) => {
    const repositories = new Map<string, ListedRepository>();
    for (const key of keysOf(workloads.flatMap((workload) => workload.containers))) {
      const { scannedAt = null, problem = null } = states.get(key) ?? {};
      const images = tell(entries.get(key) ?? nothing).images;
      repositories.set(key, { images, scannedAt: scannedAt?.toISOString() ?? null, problem });
    }
    const problems = new Map<string, JobErrorRow>();
    return workloads.map((workload) =>
      imagesOfWorkload({ workload, repositories, problems, container: undefined, limit }),
    );
  };
}

const nothing: ImageEntry = { scanned: false, images: [] };

function keysOf(containers: readonly Workload["containers"][number][]): readonly string[] {
  return [...new Set(containers.flatMap(({ image }) => keyOfImage(image) ?? []))];
}

function withNulls({ tag, digest, createdAt, firstSeenAt }: SeenImage) {
  return { tag, digest: digest ?? null, createdAt: createdAt ?? null, firstSeenAt };
}

/** What is known is still answered when a registry is away; why it is not newer stands beside it. */
async function refreshAll(
  deps: Pick<ApiDeps, "registry" | "log">,
  keys: readonly string[],
): Promise<Map<string, JobErrorRow>> {
  const answers = await Promise.all(keys.map(async (key) => [key, await refreshOne(deps, key)] as const));
  return new Map(answers.flatMap(([key, problem]) => (problem === undefined ? [] : [[key, problem]])));
}

async function refreshOne(
  deps: Pick<ApiDeps, "registry" | "log">,
  repository: string,
): Promise<JobErrorRow | undefined> {
  try {
    const signal = AbortSignal.timeout(refreshDeadlineMs);
    const answer = await deps.registry.refresh({ repository, tag: "" }, { signal });
    const { errorCode = "", errorDetail = "" } = answer.repository ?? {};
    if (!isErrorCode(errorCode)) return undefined;
    const detail = errorDetail === "" ? null : errorDetail;
    return { code: errorCode, title: errorCatalogue[errorCode].title, detail, hint: null };
  } catch (error) {
    deps.log.warn("image repository could not be refreshed", { repository, error });
    const { code, detail = null, hint = null } = toSlipwayError(error);
    return { code, title: errorCatalogue[code].title, detail, hint };
  }
}
