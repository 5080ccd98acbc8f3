import { createHash } from "node:crypto";
import { SlipwayError } from "#common/domain/errors.ts";
import { isRunnable } from "#common/domain/platform.ts";
import type { Platform } from "#common/domain/platform.ts";
import type { Ask } from "./asker.ts";
import { badAnswer, headerText, statusFailure } from "./failures.ts";
import {
  chooseEntry,
  createdOf,
  manifestAccept,
  mergeLabels,
  parseConfig,
  parseManifest,
  platformNames,
} from "./manifest.ts";
import type { Labels, Manifest } from "./manifest.ts";
import { isDigest } from "./sites.ts";
import type { HttpAnswer } from "./http.ts";
import type { ImageDescription } from "./types.ts";

const manifestBytes = 4 * 1024 * 1024;
const configBytes = 8 * 1024 * 1024;
const nestingLimit = 3;

export interface DescribeDeps {
  readonly ask: Ask;
  readonly now: () => Date;
}

/** A manifest whose digest is proved. */
export interface FetchedManifest {
  readonly digest: string;
  readonly manifest: Manifest;
  readonly url: URL;
}

/** Reads what belongs to a manifest: its config; of an index that of the entry for the platform wanted. */
export async function describeFetched(
  deps: DescribeDeps,
  top: FetchedManifest,
  wanted: { readonly platforms: readonly Platform[] },
): Promise<ImageDescription> {
  const named = { digest: top.digest, mediaType: top.manifest.mediaType };
  if (top.manifest.kind !== "index") {
    return withVerdict({ ...named, ...(await describeLeaf(deps, top, {})) }, wanted.platforms);
  }
  const platforms = platformNames(top.manifest.entries);
  const leaf = await descend(deps, top, wanted.platforms);
  if (leaf === undefined) return { ...named, ...artifact(top.manifest.labels), platforms };
  const described = await describeLeaf(deps, leaf, top.manifest.labels);
  const all = platforms.length > 0 ? platforms : described.platforms;
  return withVerdict({ ...named, ...described, platforms: all }, wanted.platforms);
}

function withVerdict(description: ImageDescription, nodes: readonly Platform[]): ImageDescription {
  const runnable = description.kind === "image" ? isRunnable(description.platforms, nodes) : undefined;
  return { ...description, ...(runnable !== undefined && { runnable }) };
}

/** Fetches one manifest and proves its digest. */
export async function fetchManifest(deps: DescribeDeps, reference: string): Promise<FetchedManifest> {
  const answer = await deps.ask({
    method: "GET",
    path: `manifests/${reference}`,
    headers: { accept: manifestAccept },
    maxBytes: manifestBytes,
  });
  if (answer.status !== 200) throw statusFailure(answer, deps.now());
  const manifest = parsed(answer, () => parseManifest(answer.body, headerText(answer, "content-type")));
  if (manifest.kind === "schema1") return { digest: schema1Digest(answer), manifest, url: answer.url };
  const digest = isDigest(reference) ? reference : sha256(answer.body);
  requireDigest(answer, digest);
  return { digest, manifest, url: answer.url };
}

async function descend(
  deps: DescribeDeps,
  top: FetchedManifest,
  platforms: readonly Platform[],
): Promise<FetchedManifest | undefined> {
  let current = top;
  for (let depth = 0; depth < nestingLimit; depth += 1) {
    if (current.manifest.kind !== "index") return current;
    const entry = chooseEntry(current.manifest.entries, platforms);
    if (entry === undefined) return undefined;
    current = await partOf(top, () => fetchManifest(deps, entry.digest));
  }
  throw badAnswer(top.url, "indexes nested too deeply");
}

type Leaf = Omit<ImageDescription, "digest" | "mediaType">;

async function describeLeaf(deps: DescribeDeps, fetched: FetchedManifest, inherited: Labels): Promise<Leaf> {
  const { manifest } = fetched;
  if (manifest.kind === "schema1") {
    return { ...createdOf(manifest.createdAt, {}), platforms: [], labels: {}, kind: "image" };
  }
  if (manifest.kind === "index") throw badAnswer(fetched.url, "an index where an image was promised");
  const annotations = { ...inherited, ...manifest.labels };
  if (manifest.kind === "artifact") return { ...artifact(annotations), sizeBytes: manifest.sizeBytes };
  const config = await partOf(fetched, () => fetchConfig(deps, manifest.configDigest));
  const labels = mergeLabels(config.labels, annotations);
  return {
    ...createdOf(config.createdAt, labels),
    platforms: config.platforms,
    labels,
    sizeBytes: manifest.sizeBytes,
    kind: "image",
  };
}

function artifact(labels: Labels): Leaf {
  return { ...createdOf(undefined, labels), platforms: [], labels, kind: "artifact" };
}

async function fetchConfig(deps: DescribeDeps, digest: string): Promise<ReturnType<typeof parseConfig>> {
  const headers = { accept: "*/*" };
  const answer = await deps.ask({ method: "GET", path: `blobs/${digest}`, headers, maxBytes: configBytes });
  if (answer.status !== 200) throw statusFailure(answer, deps.now());
  requireDigest(answer, digest);
  return parsed(answer, () => parseConfig(answer.body));
}

// A part that is missing must not read as "no such tag": the tag is there and its content is broken.
async function partOf<T>(whole: FetchedManifest, fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch();
  } catch (cause) {
    const missing = cause instanceof SlipwayError && cause.code === "REGISTRY_NOT_FOUND";
    throw missing ? badAnswer(whole.url, "a part of the image is missing", cause) : cause;
  }
}

function requireDigest(answer: HttpAnswer, digest: string): void {
  const algorithm = digest.slice(0, digest.indexOf(":"));
  const actual = `${algorithm}:${createHash(algorithm).update(answer.body).digest("hex")}`;
  if (actual !== digest) throw badAnswer(answer.url, `the content is ${actual}, not ${digest}`);
  const claimed = headerText(answer, "docker-content-digest");
  if (claimed?.startsWith(`${algorithm}:`) === true && claimed !== digest) {
    throw badAnswer(answer.url, `the content is ${digest}, the header says ${claimed.slice(0, 140)}`);
  }
}

// The digest of a signed schema 1 manifest leaves its signature out, so only the registry can tell it cheaply.
function schema1Digest(answer: HttpAnswer): string {
  const claimed = headerText(answer, "docker-content-digest");
  return claimed !== undefined && isDigest(claimed) ? claimed : sha256(answer.body);
}

function sha256(body: Buffer): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

function parsed<T>(answer: HttpAnswer, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? "not JSON" : (cause as Error).message.slice(0, 200);
    throw badAnswer(answer.url, reason, cause);
  }
}
