import type { Workload, WorkloadImages } from "#common/contracts/http.ts";
import { errorCatalogue, isErrorCode, toSlipwayError } from "#common/domain/errors.ts";
import { filterOf, ruleOf } from "#common/domain/plan-target.ts";
import { imagesOf } from "#common/store/images.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { JobErrorRow } from "#common/store/schema.ts";

import type { ApiDeps } from "./deps.ts";
import type { ImagesRead } from "./image-board.ts";
import { createEligibility } from "./read-model/eligibility.ts";
import type { ListedImage } from "./read-model/eligibility.ts";
import { imagesOfWorkload, keyOfImage, listRepository, toListed } from "./read-model/images.ts";
import type { ImageFacts, ImagePageAsk, ListedRepository } from "./read-model/images.ts";
import type { ImageEntry } from "./read-model/newest.ts";

export interface ImagesAsk extends ImagePageAsk {
  readonly workload: Workload;
  /** What git declares, by workload; of several places the first counts. */
  readonly declared: Declared;
  readonly refresh: boolean;
}

type Declared = ReadonlyMap<string, readonly DeclaredRow[]>;

const refreshDeadlineMs = 30_000;

/** The images a workload's containers could run; with `refresh` the registries are asked first. */
export async function readImages(
  deps: Pick<ApiDeps, "store" | "registry" | "log">,
  asked: ImagesAsk,
): Promise<WorkloadImages> {
  const { workload, declared, container, refresh } = asked;
  const wanted = workload.containers.filter(({ name }) => container === undefined || name === container);
  const keys = keysOf(wanted);
  const problems = refresh ? await refreshAll(deps, keys) : new Map<string, JobErrorRow>();
  const [found, now] = await Promise.all([imagesOf(deps.store.db, keys), deps.store.now()]);
  const repositories = new Map([...found].map(([key, row]) => [key, listRepository(row)]));
  const eligibility = createEligibility();
  const told = rulesOf(declared, workload, now);
  return imagesOfWorkload({
    workload,
    repositories,
    problems,
    ...told,
    eligibility,
    now,
    page: asked,
  });
}

/** What is told of many workloads, from what their list was made of: nothing more is read. */
export interface ManyImages {
  readonly known: ImagesRead;
  readonly workloads: readonly Workload[];
  readonly declared: Declared;
  readonly now: Date;
  readonly page: ImagePageAsk;
}

export type ImagesOfMany = (many: ManyImages) => WorkloadImages[];

/** Keeps each repository as it is told for as long as nothing of it changes. */
export function createImagesOfMany(): ImagesOfMany {
  const told = new WeakMap<ImageEntry, readonly ListedImage[]>();
  const eligibility = createEligibility();
  const tell = (entry: ImageEntry): readonly ListedImage[] => {
    const listed = told.get(entry) ?? toListed(entry.images, { platforms: false });
    told.set(entry, listed);
    return listed;
  };
  return ({ known: { states, entries }, workloads, declared, now, page }) => {
    const repositories = new Map<string, ListedRepository>();
    for (const key of keysOf(workloads.flatMap((workload) => workload.containers))) {
      const { scannedAt = null, problem = null, complete = true, unread = 0 } = states.get(key) ?? {};
      const images = tell(entries.get(key) ?? nothing);
      repositories.set(key, { images, scannedAt, problem, complete, unread });
    }
    const problems = new Map<string, JobErrorRow>();
    const shared = { repositories, problems, eligibility, now, page };
    return workloads.map((workload) =>
      imagesOfWorkload({ ...shared, workload, ...rulesOf(declared, workload, now) }),
    );
  };
}

/** Ages are told by the minute, so that what was judged can be kept for as long. */
const ageStepMs = 60_000;

function rulesOf(declared: Declared, { id }: Workload, now: Date): Pick<ImageFacts, "filterOf" | "rule"> {
  const policies = declared.get(id)?.[0]?.policies;
  const then = new Date(Math.floor(now.getTime() / ageStepMs) * ageStepMs);
  return {
    filterOf: (container) => policies && filterOf(policies, container),
    rule: policies && ruleOf(policies, policies.minAgeMs === undefined ? undefined : then),
  };
}

const nothing: ImageEntry = { scanned: false, images: [] };

function keysOf(containers: readonly Workload["containers"][number][]): readonly string[] {
  return [...new Set(containers.flatMap(({ image }) => keyOfImage(image) ?? []))];
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
