import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** What an image is made of; equal specifications give equal bytes, hence equal digests. */
export interface ImageSpec {
  /** Left out, the config carries no date. */
  readonly createdAt?: Date;
  readonly labels?: Readonly<Record<string, string>>;
  /** `os/architecture[/variant]`; several make an index. Default: linux/amd64. */
  readonly platforms?: readonly string[];
  /** Makes images with the same date and labels differ. */
  readonly digestSeed?: string;
}

/** Bytes under a digest, with their media type. */
export interface Content {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image taken apart: blobs first, then manifests in the order they must be pushed, the named one last. */
export interface BuiltImage {
  readonly digest: string;
  readonly blobs: readonly Content[];
  readonly manifests: readonly Content[];
}

const types = {
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
};

/** Builds a tiny image: one layer with one small file, a config with its date, a manifest, an index for several platforms. */
export function buildImage(spec: ImageSpec): BuiltImage {
  const platforms = spec.platforms ?? ["linux/amd64"];
  const tar = seedTar(spec.digestSeed ?? "");
  const layer = content(types.layer, gzipSync(tar));
  const parts = platforms.map((platform) => buildPlatform(spec, platform, { layer, diffId: sha256(tar) }));
  const blobs = [layer, ...parts.map((part) => part.config)];
  const manifests = parts.map((part) => part.manifest);
  if (parts.length > 1) manifests.push(buildIndex(parts));
  const named = manifests.at(-1);
  if (named === undefined) throw new RangeError("an image needs a platform");
  return { digest: named.digest, blobs, manifests };
}

/** Content with its digest. */
export function content(mediaType: string, bytes: Buffer): Content {
  return { mediaType, bytes, digest: sha256(bytes) };
}

interface PlatformPart {
  readonly platform: Readonly<Record<string, string>>;
  readonly config: Content;
  readonly manifest: Content;
}

function buildPlatform(
  spec: ImageSpec,
  name: string,
  { layer, diffId }: { readonly layer: Content; readonly diffId: string },
): PlatformPart {
  const [os = "linux", architecture = "amd64", variant] = name.split("/");
  const platform = { os, architecture, ...(variant !== undefined && { variant }) };
  const config = json(types.config, {
    ...platform,
    ...(spec.createdAt !== undefined && { created: spec.createdAt.toISOString() }),
    config: { Labels: spec.labels ?? {} },
    rootfs: { type: "layers", diff_ids: [diffId] },
  });
  const manifest = json(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { platform, config, manifest };
}

function buildIndex(parts: readonly PlatformPart[]): Content {
  const manifests = parts.map(({ manifest, platform }) => ({ ...descriptor(manifest), platform }));
  return json(types.index, { schemaVersion: 2, mediaType: types.index, manifests });
}

function descriptor({ mediaType, digest, bytes }: Content) {
  return { mediaType, digest, size: bytes.length };
}

function json(mediaType: string, value: unknown): Content {
  return content(mediaType, Buffer.from(JSON.stringify(value)));
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A ustar archive with the one file `seed`. */
function seedTar(text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write("seed", 0);
  const octal: readonly (readonly [number, number, number])[] = [
    [0o644, 100, 8], // mode
    [0, 108, 8], // uid
    [0, 116, 8], // gid
    [body.length, 124, 12],
    [0, 136, 12], // mtime
  ];
  for (const [value, at, width] of octal) header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at);
  header.write("        0", 148); // the checksum counts as spaces; type 0 is a plain file
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([header, body, padding, Buffer.alloc(1024)]);
}
