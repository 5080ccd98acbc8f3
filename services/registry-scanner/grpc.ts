import * as images from "#common/store/images.ts";
import type { ImageRow, RepositoryImages } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";
import type {
  Image,
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
    async listImages({ repositories }) {
      const known = await images.imagesOf(store.db, repositories);
      const answers = [...new Set(repositories)].map((key) => toRepository(key, known.get(key)));
      return { repositories: answers };
    },
    async refresh({ repository: key, tag }) {
      if (tag === "") return { repository: toRepository(key, await scanner.refresh(key)), tagFound: false };
      const { found, repository, problem } = await scanner.refreshTag(key, tag);
      return { repository: toRepository(key, { ...repository, problem }), tagFound: found };
    },
  };
}

function toRepository(key: string, known: RepositoryImages | undefined): Repository {
  return {
    key,
    images: known?.images.map(toImage) ?? [],
    scannedAt: known?.scanned_at ?? undefined,
    complete: known?.complete ?? false,
    errorCode: known?.problem?.code ?? "",
    errorDetail: problemText(known?.problem),
  };
}

function problemText(problem: JobErrorRow | null | undefined): string {
  if (problem == null) return "";
  return problem.detail ?? problem.title;
}

function toImage(row: ImageRow): Image {
  return {
    tag: row.tag,
    digest: row.digest ?? "",
    createdAt: row.createdAt ?? undefined,
    firstSeenAt: row.firstSeenAt,
    platforms: [...row.platforms],
  };
}
