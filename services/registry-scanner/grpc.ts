import { SlipwayError } from "#common/domain/errors.ts";
import { originOf } from "#common/domain/image-origin.ts";
import { cutImages } from "#common/domain/image-page.ts";
import { findIneligible } from "#common/domain/plan-target.ts";
import { compareNewestFirst } from "#common/domain/tag-filter.ts";
import * as images from "#common/store/images.ts";
import type { ImageRow, RepositoryImages } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";
import type {
  Image,
  ListImagesRequest,
  RegistryServiceImplementation,
  Repository,
} from "#proto/slipway/registry/v1/registry.ts";
import type { Scanner } from "./scanner.ts";

export interface RegistryServiceDeps {
  readonly store: Store;
  readonly scanner: Pick<Scanner, "refresh" | "refreshTag">;
}

/** gRPC `RegistryService`: the store's answer at once, or the registry's now. */
export function createRegistryService({
  store,
  scanner,
}: RegistryServiceDeps): RegistryServiceImplementation {
  return {
    async listImages(request) {
      const keys = [...new Set(request.repositories)];
      if (request.cursor !== "" && keys.length !== 1) {
        throw new SlipwayError("CURSOR_INVALID", { detail: "it is of one repository" });
      }
      const [known, now] = await Promise.all([images.imagesOf(store.db, keys), store.now()]);
      return { repositories: keys.map((key) => toRepository(key, { known: known.get(key), now }, request)) };
    },
    async refresh({ repository: key, tag }) {
      if (tag === "") {
        const known = await scanner.refresh(key);
        return { repository: toRepository(key, { known, now: await store.now() }), tagFound: false };
      }
      const { found, repository, problem } = await scanner.refreshTag(key, tag);
      const seen = { known: { ...repository, problem }, now: await store.now() };
      return { repository: toRepository(key, seen), tagFound: found };
    },
  };
}

interface Seen {
  readonly known: RepositoryImages | undefined;
  readonly now: Date;
}

type Asked = Omit<ListImagesRequest, "repositories">;
const everything: Asked = { filter: "", eligibleOnly: false, limit: 0, cursor: "" };

function toRepository(key: string, { known, now }: Seen, asked = everything): Repository {
  const sorted = (known?.images.filter(isImage).map(toImage) ?? []).toSorted(compareNewestFirst);
  const judged = asked.filter === "" ? sorted : judge(sorted, asked.filter);
  const wanted = asked.eligibleOnly ? judged.filter(({ ineligible }) => ineligible === "") : judged;
  const limit = asked.limit === 0 ? Infinity : asked.limit;
  const after = asked.cursor === "" ? undefined : asked.cursor;
  const page = cutImages(wanted, { limit, after });
  const scannedAt = known?.scanned_at ?? undefined;
  return {
    key,
    images: [...page.images],
    scannedAt,
    complete: known?.complete ?? false,
    errorCode: known?.problem?.code ?? "",
    errorDetail: problemText(known?.problem),
    total: wanted.length,
    next: page.next ?? "",
    ...(scannedAt !== undefined && { ageMs: BigInt(Math.max(0, now.getTime() - scannedAt.getTime())) }),
  };
}

/** The planner's word on each image. */
function judge(known: readonly Image[], filter: string): Image[] {
  const ineligible = findIneligible({ current: {}, filter, images: known });
  return known.map((image) => ({ ...image, ineligible: ineligible.get(image.tag) ?? "" }));
}

function problemText(problem: JobErrorRow | null | undefined): string {
  if (problem == null) return "";
  return problem.detail ?? problem.title;
}

/** Charts, signatures and the like stand among the tags of images. */
function isImage({ kind }: ImageRow): boolean {
  return kind !== "artifact";
}

const noOrigin = { version: "", revision: "", source: "" };

function toImage(row: ImageRow): Image {
  return {
    tag: row.tag,
    digest: row.digest ?? "",
    createdAt: row.createdAt ?? undefined,
    firstSeenAt: row.firstSeenAt,
    platforms: [...row.platforms],
    createdFrom: row.createdFrom ?? "",
    movedAt: row.movedAt ?? undefined,
    seenAt: row.seenAt ?? undefined,
    ...noOrigin,
    ...originOf(row.labels),
    ineligible: "",
  };
}
