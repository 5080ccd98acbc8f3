import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import { isDigest } from "#common/domain/image-ref.ts";
import { withTimeLimit } from "#common/kit/time-limit.ts";
import * as images from "#common/store/images.ts";
import type { RepositoryImages } from "#common/store/images.ts";
import type { JobErrorRow } from "#common/store/schema.ts";
import { isRegistryTrouble, refOf } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import type { CallOptions } from "./oci/types.ts";
import { saveDescriptions } from "./save-description.ts";
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

export interface TagQuestion {
  readonly key: string;
  readonly reference: string;
  /** The repository was scanned before, and will be again. */
  readonly listed: boolean;
}

/** Asks the registry for one tag or digest, now, and keeps what it says: of a known repository one request. */
export async function lookUpTag(deps: ScanDeps, question: TagQuestion): Promise<TagLook> {
  const { key } = question;
  const ref = refOf(key);
  const pace = deps.budget.pace(ref.host, "person");
  const read = question.listed ? readDigest : readWhole;
  try {
    await withTimeLimit({ ms: lookMs, stopping: deps.stopping }, (signal) =>
      read(deps, question, { signal, pace }),
    );
  } catch (cause) {
    if (deps.stopping.aborted) throw new SlipwayError("UNAVAILABLE", { detail: "stopping", cause });
    if (!isRegistryTrouble(cause)) throw cause;
    return notFound(deps, key, cause);
  }
  const repository = await knownRepository(deps, key);
  return { found: true, repository, problem: repository.problem };
}

/** The digest alone, which is all that a release writes; a scan that is due now reads the rest. */
async function readDigest(deps: ScanDeps, { key, reference }: TagQuestion, call: CallOptions): Promise<void> {
  const { db } = deps.store;
  const digest = await deps.clients.use((client) => client.headDigest(refOf(key), reference, call));
  if (digest === undefined) throw new SlipwayError("REGISTRY_NOT_FOUND", { detail: `${key}:${reference}` });
  if (isDigest(reference)) return;
  await images.setTagDigest(db, { key, tag: reference, digest });
  await images.noteChange(db, key);
  await images.wakeRepository(db, key);
}

async function readWhole(deps: ScanDeps, { key, reference }: TagQuestion, call: CallOptions): Promise<void> {
  const { db } = deps.store;
  const description = await deps.clients.use((client) => client.describe(refOf(key), reference, call));
  await saveDescriptions(db, [description]);
  if (!isDigest(reference)) {
    await images.setTagDigest(db, { key, tag: reference, digest: description.digest });
  }
}

/** What a caller is told who cannot wait any longer. */
export function stillAsking(key: string): JobErrorRow {
  const detail = `${key} has not answered yet; it is still being asked`;
  return problemOf(new SlipwayError("REGISTRY_UNAVAILABLE", { detail }));
}

async function notFound(deps: ScanDeps, key: string, error: SlipwayError): Promise<TagLook> {
  await deps.budget.failed(refOf(key).host, error);
  const repository = await knownRepository(deps, key);
  // That a tag does not exist is no problem of a repository that can be listed.
  const healthy = error.code === "REGISTRY_NOT_FOUND" && repository.scanned_at !== null;
  const problem = healthy && repository.problem === null ? null : problemOf(toSlipwayError(error));
  return { found: false, repository, problem };
}
