import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** What an image is made of; equal specifications give equal bytes, hence equal digests. */
export interface ImageSpec {
  /** Left out, the config carries no date. */
  readonly createdAt?: Date;
  readonly labels?: Readonly<Record<string, string>>;
  /** `os/architecture[/variant]`; several make an index. Default: linux/amd64. */
  readonly platforms?: readonly string[];
  /** Media types of OCI (the default) or of docker. */
  readonly format?: "oci" | "docker";
  /** Of each platform's manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Makes it no image: a manifest with this type and an empty config. */
  readonly artifactType?: string;
  /** Beside each platform an attestation, as build tools add; makes an index. */
  readonly attested?: boolean;
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

const oci = {
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
};

const docker: typeof oci = {
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
};

const emptyConfig = "application/vnd.oci.empty.v1+json";

/** Builds a tiny image: one layer with one small file, a config with its date, a manifest, an index for several platforms. */
export function buildImage(spec: ImageSpec): BuiltImage {
  const platforms = spec.platforms ?? ["linux/amd64"];
  const types = spec.format === "docker" ? docker : oci;
  const tar = seedTar(spec.digestSeed ?? "");
  const layer = content(types.layer, gzipSync(tar));
  const shared = { layer, diffId: sha256(tar), types };
  if (spec.artifactType !== undefined) return buildArtifact(spec, layer);
  const images = platforms.map((platform) => buildPlatform(spec, platform, shared));
  const parts =
    spec.attested === true ? images.flatMap((image) => [image, attestation(image, layer)]) : images;
  const blobs = [layer, ...parts.map((part) => part.config)];
  const manifests = parts.map((part) => part.manifest);
  if (parts.length > 1) manifests.push(buildIndex(parts, types.index));
  const named = manifests.at(-1);
  if (named === undefined) throw new RangeError("an image needs a platform");
  return { digest: named.digest, blobs, manifests };
}

function buildArtifact({ artifactType, annotations }: ImageSpec, layer: Content): BuiltImage {
  const config = json(emptyConfig, {});
  const manifest = json(oci.manifest, {
    schemaVersion: 2,
    mediaType: oci.manifest,
    artifactType,
    config: descriptor(config),
    layers: [descriptor(layer)],
    ...(annotations !== undefined && { annotations }),
  });
  return { digest: manifest.digest, blobs: [layer, config], manifests: [manifest] };
}

/** Content with its digest. */
export function content(mediaType: string, bytes: Buffer): Content {
  return { mediaType, bytes, digest: sha256(bytes) };
}

interface PlatformPart {
  readonly platform: Readonly<Record<string, string>>;
  readonly config: Content;
  readonly manifest: Content;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Shared {
  readonly layer: Content;
  readonly diffId: string;
  readonly types: typeof oci;
}

/** What build tools put beside an image: an entry without a platform that says what it is about. */
function attestation({ manifest: about }: PlatformPart, layer: Content): PlatformPart {
  const config = json(oci.config, { architecture: "unknown", os: "unknown" });
  const layers = [{ ...descriptor(layer), mediaType: "application/vnd.in-toto+json" }];
  const document = {
    schemaVersion: 2,
    mediaType: oci.manifest,
    config: descriptor(config),
    layers,
    about: about.digest,
  };
  return {
    platform: { os: "unknown", architecture: "unknown" },
    config,
    manifest: json(oci.manifest, document),
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": about.digest,
    },
  };
}

function buildPlatform(spec: ImageSpec, name: string, { layer, diffId, types }: Shared): PlatformPart {
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
    ...(spec.annotations !== undefined && { annotations: spec.annotations }),
  });
  return { platform, config, manifest };
}

function buildIndex(parts: readonly PlatformPart[], mediaType: string): Content {
  const manifests = parts.map(({ manifest, platform, annotations }) => ({
    ...descriptor(manifest),
    platform,
    ...(annotations !== undefined && { annotations }),
  }));
  return json(mediaType, { schemaVersion: 2, mediaType, manifests });
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
