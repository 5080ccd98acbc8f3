import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import * as images from "#common/store/images.ts";
import type { RepositoryImages } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import { isRegistryTrouble, refOf } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import { saveDescription } from "./save-description.ts";
import { problemOf } from "./scan-repository.ts";

/** What one look at a tag found. */
export interface TagLook {
  readonly found: boolean;
  readonly repository: RepositoryImages;
  /** Why the look failed, or what the repository's last scan failed with. */
  readonly problem: JobErrorRow | null;
}

const lookMs = 20_000;

/** What the store knows of a repository; one nobody used so far is wanted from now on. */
export async function knownRepository(deps: ScanDeps, key: string): Promise<RepositoryImages> {
  const { db } = deps.store;
  const known = (await images.imagesOf(db, [key])).get(key);
  if (known !== undefined) return known;
  await images.wantRepositories(db, [key]);
  const fresh = (await images.imagesOf(db, [key])).get(key);
  if (fresh === undefined) throw new SlipwayError("INTERNAL", { detail: `${key} is not in the store` });
  return fresh;
}

/** Whether the store knows the tag (or digest) well enough to need no request. */
export function knowsTag(repository: RepositoryImages, reference: string): boolean {
  return repository.images.some(
    ({ tag, digest }) => (tag === reference && digest !== null) || digest === reference,
  );
}

/** Asks the registry for one tag or digest, now, and keeps what it says. */
export async function lookUpTag(deps: ScanDeps, key: string, reference: string): Promise<TagLook> {
  const { db } = deps.store;
  const ref = refOf(key);
  const signal = AbortSignal.any([deps.stopping, AbortSignal.timeout(lookMs)]);
  try {
    deps.budget.check(ref.host, "person");
    const description = await deps.clients.use((client) => client.describe(ref, reference, { signal }));
    await saveDescription(db, description);
    const isTag = !reference.includes(":");
    if (isTag) await images.setTagDigest(db, { key, tag: reference, digest: description.digest });
  } catch (cause) {
    if (deps.stopping.aborted) throw new SlipwayError("UNAVAILABLE", { detail: "stopping", cause });
    if (!isRegistryTrouble(cause)) throw cause;
    return notFound(deps, key, cause);
  }
  const repository = await knownRepository(deps, key);
  return { found: true, repository, problem: repository.problem };
}

/** What a caller is told who cannot wait any longer. */
export function stillAsking(key: string): JobErrorRow {
  const detail = `${key} has not answered yet; it is still being asked`;
  return problemOf(new SlipwayError("REGISTRY_UNAVAILABLE", { detail }));
}

async function notFound(deps: ScanDeps, key: string, error: SlipwayError): Promise<TagLook> {
  deps.budget.failed(refOf(key).host, error);
  const repository = await knownRepository(deps, key);
  // That a tag does not exist is no problem of a repository that can be listed.
  const healthy = error.code === "REGISTRY_NOT_FOUND" && repository.scanned_at !== null;
  const problem = healthy && repository.problem === null ? null : problemOf(toSlipwayError(error));
  return { found: false, repository, problem };
}
