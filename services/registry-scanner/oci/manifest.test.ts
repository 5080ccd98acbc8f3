import * as fc from "fast-check";
import { expect, test } from "vitest";
import { chooseEntry, createdOf, parseConfig, parseManifest, platformNames } from "./manifest.ts";
import type { IndexEntry } from "./manifest.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const docker = "application/vnd.docker.distribution.manifest.v2+json";
const ociConfig = "application/vnd.oci.image.config.v1+json";
const amd64 = { os: "linux", architecture: "amd64" };

function bytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function manifest(config: unknown, layers: unknown[], more: object = {}) {
  return parseManifest(bytes({ schemaVersion: 2, config, layers, ...more }), undefined);
}

test("an OCI manifest is an image with the size of its parts", () => {
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digest("b"), size: 40 };
  expect(manifest({ mediaType: ociConfig, digest: digest("a"), size: 2 }, [layer])).toEqual({
    kind: "image",
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    configDigest: digest("a"),
    sizeBytes: 42,
    labels: {},
  });
});

test("docker's schema 2 is an image by its content type alone", () => {
  const config = {
    mediaType: "application/vnd.docker.container.image.v1+json",
    digest: digest("a"),
    size: 1,
  };
  const body = bytes({ schemaVersion: 2, config, layers: [] });
  expect(parseManifest(body, `${docker}; charset=utf-8`)).toMatchObject({ kind: "image", mediaType: docker });
});

test.each([
  ["a chart", manifest({ mediaType: "application/vnd.cncf.helm.config.v1+json", digest: digest("a") }, [])],
  [
    "a signature that borrows the image's config type",
    manifest({ mediaType: ociConfig, digest: digest("a") }, [
      { mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", digest: digest("b"), size: 1 },
    ]),
  ],
  [
    "a typed artifact",
    manifest({ mediaType: ociConfig, digest: digest("a") }, [], { artifactType: "text/x-sbom" }),
  ],
])("%s is an artifact", (_name, parsed) => {
  expect(parsed.kind).toBe("artifact");
});

test("schema 1 gives the date of its newest layer", () => {
  const v1Compatibility = JSON.stringify({ created: "2016-11-09T10:26:00Z" });
  const body = bytes({
    schemaVersion: 1,
    name: "a",
    history: [{ v1Compatibility }, { v1Compatibility: "{}" }],
  });
  const parsed = parseManifest(body, "application/vnd.docker.distribution.manifest.v1+prettyjws");
  expect(parsed).toMatchObject({ kind: "schema1", createdAt: new Date("2016-11-09T10:26:00Z") });
});

function indexEntries(): readonly IndexEntry[] {
  const parsed = parseManifest(
    bytes({
      schemaVersion: 2,
      manifests: [
        { digest: digest("1"), platform: { os: "unknown", architecture: "unknown" } },
        { digest: digest("2"), platform: { os: "windows", architecture: "amd64" } },
        { digest: digest("3"), platform: { os: "linux", architecture: "arm", variant: "v7" } },
        { digest: digest("4"), platform: amd64 },
        {
          digest: digest("5"),
          platform: amd64,
          annotations: { "vnd.docker.reference.type": "attestation-manifest" },
        },
      ],
    }),
    undefined,
  );
  return parsed.kind === "index" ? parsed.entries : [];
}

test("an index lists platforms without attestations", () => {
  expect(platformNames(indexEntries())).toEqual(["windows/amd64", "linux/arm/v7", "linux/amd64"]);
});

test("the wanted platform is chosen, else one of its system, else any image", () => {
  const entries = indexEntries();
  expect(chooseEntry(entries, [amd64])?.digest).toBe(digest("4"));
  expect(chooseEntry(entries, [{ os: "linux", architecture: "s390x" }])?.digest).toBe(digest("3"));
  expect(chooseEntry(entries, [{ os: "plan9", architecture: "amd64" }])?.digest).toBe(digest("2"));
  expect(chooseEntry(entries.slice(0, 1), [amd64])).toBeUndefined();
});

test("a document that is index and manifest at once is refused", () => {
  const both = bytes({ schemaVersion: 2, manifests: [], config: {}, layers: [] });
  expect(() => parseManifest(both, undefined)).toThrow(/index and image/);
});

test("labels keep text of sensible length only, also under odd names", () => {
  const Labels = { a: "1", n: 2, long: "x".repeat(5_000), ["__proto__"]: "p", constructor: "c" };
  const { labels } = parseConfig(
    Buffer.from(JSON.stringify({ config: { Labels } }).replace('"n"', '"__proto__":"q","n"')),
  );
  expect(labels["a"]).toBe("1");
  expect(labels["constructor"]).toBe("c");
  expect(labels["long"]).toBeUndefined();
  expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
});

test("the config's date goes before the label's", () => {
  const labels = { "org.opencontainers.image.created": "2020-01-02T03:04:05Z" };
  const config = new Date("2021-01-01T00:00:00Z");
  expect(createdOf(config, labels)).toEqual({ createdAt: config, createdFrom: "config" });
  expect(createdOf(undefined, labels)).toEqual({
    createdAt: new Date("2020-01-02T03:04:05Z"),
    createdFrom: "label",
  });
  expect(createdOf(undefined, {})).toEqual({});
});

test("any JSON and any bytes are either read or refused with an Error", () => {
  const safe = (body: Buffer) => {
    for (const parse of [() => parseManifest(body, "x/y"), () => parseConfig(body)]) {
      try {
        parse();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  };
  fc.assert(
    fc.property(fc.json(), (text) => safe(Buffer.from(text))),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array(), (raw) => safe(Buffer.from(raw))),
    { numRuns: 300 },
  );
  const shaped = fc.record(
    { manifests: fc.anything(), layers: fc.anything(), config: fc.anything() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(shaped, (value) => safe(Buffer.from(fc.stringify(value)))),
    { numRuns: 300 },
  );
});
