import { z } from "zod";
import { fits } from "#common/domain/platform.ts";
import type { Platform } from "#common/domain/platform.ts";
import { usableDate } from "#common/domain/usable-date.ts";
import type { ImageDescription } from "./types.ts";

/** Content types a manifest request accepts, indexes first. */
export const manifestAccept = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const digest = z.string().regex(/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/);
const annotations = z.record(z.string(), z.unknown()).nullish();
const descriptor = z.object({
  mediaType: z.string().optional(),
  digest,
  size: z.number().nonnegative().nullish(),
});
const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().nullish() });
const indexEntry = descriptor.extend({ platform: platform.nullish().catch(undefined), annotations });

const indexShape = z.object({
  mediaType: z.string().optional(),
  manifests: z.array(indexEntry),
  annotations,
});
const imageShape = z.object({
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor).nullable(),
  annotations,
});
const schema1Shape = z.object({
  schemaVersion: z.literal(1),
  architecture: z.string().nullish(),
  history: z.array(z.object({ v1Compatibility: z.string() })).min(1),
});
const configShape = z.object({
  created: z.unknown().optional(),
  os: z.string().nullish(),
  architecture: z.string().nullish(),
  variant: z.string().nullish(),
  config: z.object({ Labels: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});

export interface IndexEntry {
  readonly digest: string;
  /** Absent for entries that are no image of a platform, such as attestations. */
  readonly platform?: Platform;
  readonly attestation: boolean;
}

/** What a manifest request can bring, by shape. */
export type Manifest =
  | { kind: "index"; mediaType: string; entries: readonly IndexEntry[]; labels: Labels }
  | { kind: "image"; mediaType: string; configDigest: string; sizeBytes: number; labels: Labels }
  | { kind: "artifact"; mediaType: string; sizeBytes: number; labels: Labels }
  | { kind: "schema1"; mediaType: string; createdAt: Date | undefined };

export type Labels = Readonly<Record<string, string>>;

/** The parts of a config that a description shows. */
export interface ImageConfig {
  readonly createdAt: Date | undefined;
  readonly platforms: readonly string[];
  readonly labels: Labels;
}

/** Reads a manifest or index; throws an Error that says what is wrong with it. */
export function parseManifest(body: Buffer, contentType: string | undefined): Manifest {
  const json = parseObject(body);
  // One document that reads as two kinds would have two meanings: CVE-2021-41190.
  if ("manifests" in json && ("layers" in json || "config" in json))
    throw new Error("index and image in one");
  const declared = typeof json["mediaType"] === "string" ? json["mediaType"] : bareType(contentType);
  if ("manifests" in json) return readIndex(json, declared);
  if ("layers" in json) return readImage(json, declared);
  if (json["schemaVersion"] === 1) return readSchema1(json, declared);
  throw new Error("neither a manifest nor an index");
}

/** Reads an image config; throws an Error that says what is wrong with it. */
export function parseConfig(body: Buffer): ImageConfig {
  const config = checked(configShape, parseObject(body));
  const { os, architecture, variant } = config;
  const named = os != null && os !== "" && architecture != null && architecture !== "";
  return {
    createdAt: usableDate(config.created),
    platforms: named ? [platformName({ os, architecture, ...(variant != null && { variant }) })] : [],
    labels: textLabels(config.config?.Labels),
  };
}

/** The entry to look into: what the first of the nodes' platforms runs, else one of its system, else the first image. */
export function chooseEntry(
  entries: readonly IndexEntry[],
  wanted: readonly Platform[],
): IndexEntry | undefined {
  const images = entries.filter((entry) => !entry.attestation);
  const ofNode = (node: Platform) => images.filter(({ platform: at }) => at !== undefined && fits(at, node));
  const runnable = wanted.map((node) => bestVariant(ofNode(node))).find((entry) => entry !== undefined);
  return runnable ?? images.find((entry) => entry.platform?.os === wanted[0]?.os) ?? images[0];
}

// As container runtimes choose: the newest variant that still runs.
function bestVariant(entries: readonly IndexEntry[]): IndexEntry | undefined {
  const variant = (entry: IndexEntry) => entry.platform?.variant ?? "";
  return entries.toSorted((a, b) => byNumbersInside.compare(variant(b), variant(a)))[0];
}

const byNumbersInside = new Intl.Collator("en", { numeric: true });

/** Labels an image goes by: the config's, and what the manifests around it say in the words of OCI. */
export function mergeLabels(config: Labels, annotations: Labels): Labels {
  const standard = Object.entries(annotations).filter(([key]) => key.startsWith("org.opencontainers.image."));
  return { ...Object.fromEntries(standard), ...config };
}

/** `os/architecture[/variant]` of each image in an index, each once. */
export function platformNames(entries: readonly IndexEntry[]): string[] {
  const named = entries.flatMap((e) =>
    e.attestation || e.platform === undefined ? [] : [platformName(e.platform)],
  );
  return [...new Set(named)];
}

/** The date a description shows: the config's, else the standard label's or annotation's. */
export function createdOf(
  config: Date | undefined,
  labels: Labels,
): Pick<ImageDescription, "createdAt" | "createdFrom"> {
  if (config !== undefined) return { createdAt: config, createdFrom: "config" };
  const label = usableDate(labels["org.opencontainers.image.created"]);
  return label === undefined ? {} : { createdAt: label, createdFrom: "label" };
}

function readIndex(json: object, declared: string | undefined): Manifest {
  const index = checked(indexShape, json);
  const entries = index.manifests.map((entry): IndexEntry => {
    const { platform: at } = entry;
    const attestation =
      at?.os === "unknown" || textLabels(entry.annotations)["vnd.docker.reference.type"] !== undefined;
    if (at == null || attestation) return { digest: entry.digest, attestation };
    const { os, architecture, variant } = at;
    return {
      digest: entry.digest,
      attestation,
      platform: { os, architecture, ...(variant != null && { variant }) },
    };
  });
  const mediaType = declared ?? "application/vnd.oci.image.index.v1+json";
  return { kind: "index", mediaType, entries, labels: textLabels(index.annotations) };
}

function readImage(json: object, declared: string | undefined): Manifest {
  const manifest = checked(imageShape, json);
  const layers = manifest.layers ?? [];
  const sizeBytes = [manifest.config, ...layers].reduce((sum, part) => sum + (part.size ?? 0), 0);
  const mediaType = declared ?? "application/vnd.oci.image.manifest.v1+json";
  const shared = { mediaType, sizeBytes, labels: textLabels(manifest.annotations) };
  if (!isImage(manifest, mediaType)) return { kind: "artifact", ...shared };
  return { kind: "image", configDigest: manifest.config.digest, ...shared };
}

// Signatures borrow the image's config type, so the layers are asked as well.
function isImage(manifest: z.infer<typeof imageShape>, mediaType: string): boolean {
  if (mediaType === "application/vnd.docker.distribution.manifest.v2+json") {
    // The first docker versions wrote other config types; today charts and plugins do.
    const type = manifest.config.mediaType ?? "";
    return type === "application/octet-stream" || type === "application/vnd.docker.container.image.v1+json";
  }
  if ((manifest.artifactType ?? "") !== "") return false;
  const configTypes = /^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/;
  if (!configTypes.test(manifest.config.mediaType ?? "")) return false;
  const layers = manifest.layers ?? [];
  const layerTypes = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;
  return layers.length === 0 || layers.some((layer) => layerTypes.test(layer.mediaType ?? ""));
}

function readSchema1(json: object, declared: string | undefined): Manifest {
  const manifest = checked(schema1Shape, json);
  const newest = parseObject(Buffer.from(manifest.history[0]?.v1Compatibility ?? "{}"));
  const mediaType = declared ?? "application/vnd.docker.distribution.manifest.v1+prettyjws";
  return { kind: "schema1", mediaType, createdAt: usableDate(newest["created"]) };
}

function platformName({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === "" ? [] : [variant])]
    .join("/")
    .slice(0, 100);
}

const labelLimit = 256;
const labelKeyLimit = 256;
const labelValueLimit = 4_096;

// Labels are kept per image, so a label with a whole file in it is left out rather than stored.
function textLabels(labels: Readonly<Record<string, unknown>> | null | undefined): Labels {
  const kept = Object.entries(labels ?? {})
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .filter(([key, value]) => key.length <= labelKeyLimit && value.length <= labelValueLimit);
  return Object.fromEntries(kept.slice(0, labelLimit));
}

function bareType(contentType: string | undefined): string | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  return type?.startsWith("application/vnd.") === true ? type : undefined;
}

function parseObject(body: Buffer): Record<string, unknown> {
  const json: unknown = JSON.parse(body.toString("utf8"));
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("not a JSON object");
  return json as Record<string, unknown>;
}

function checked<S extends z.ZodType>(shape: S, json: unknown): z.infer<S> {
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unexpected shape"}`);
}
