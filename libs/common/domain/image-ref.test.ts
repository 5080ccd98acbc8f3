import { describe, expect, test } from "vitest";
import { SlipwayError } from "./errors.ts";
import {
  formatImageRef,
  parseImageRef,
  parseRepositoryKey,
  repositoryKey,
  sameRepository,
  tryParseImageRef,
  withTag,
} from "./image-ref.ts";

const sha = `sha256:${"a1".repeat(32)}`;
const otherSha = `sha256:${"b2".repeat(32)}`;

describe("parsing", () => {
  test.each([
    ["nginx", "docker.io/library/nginx", undefined, undefined],
    ["nginx:1.27", "docker.io/library/nginx", "1.27", undefined],
    ["library/nginx", "docker.io/library/nginx", undefined, undefined],
    ["docker.io/nginx", "docker.io/library/nginx", undefined, undefined],
    ["index.docker.io/nginx:1", "docker.io/library/nginx", "1", undefined],
    ["Docker.IO/library/nginx", "docker.io/library/nginx", undefined, undefined],
    ["weaveworksdemos/front-end:0.2.0", "docker.io/weaveworksdemos/front-end", "0.2.0", undefined],
    ["localhost/web", "localhost/web", undefined, undefined],
    ["localhost:5000/web", "localhost:5000/web", undefined, undefined],
    ["localhost:5000/web:2", "localhost:5000/web", "2", undefined],
    ["Registry.Example.com:5000/a/b/c:v1", "registry.example.com:5000/a/b/c", "v1", undefined],
    ["EXAMPLE/web", "example/web", undefined, undefined],
    ["10.0.0.1:5000/web", "10.0.0.1:5000/web", undefined, undefined],
    ["[2001:db8::1]:5000/web:1", "[2001:db8::1]:5000/web", "1", undefined],
    ["[::1]/web", "[::1]/web", undefined, undefined],
    [`web@${sha}`, "docker.io/library/web", undefined, sha],
    [`ghcr.io/o/web:1@${sha}`, "ghcr.io/o/web", "1", sha],
    [`web@sha512:${"0f".repeat(64)}`, "docker.io/library/web", undefined, `sha512:${"0f".repeat(64)}`],
    ["a__b/c--d.e_f", "docker.io/a__b/c--d.e_f", undefined, undefined],
    [`web:${"t".repeat(128)}`, "docker.io/library/web", "t".repeat(128), undefined],
    ["web:_x", "docker.io/library/web", "_x", undefined],
  ])("reads %s", (text, ...[key, tag, digest]) => {
    const ref = parseImageRef(text);
    expect(repositoryKey(ref)).toBe(key);
    expect(ref.tag).toBe(tag);
    expect(ref.digest).toBe(digest);
    expect(formatImageRef(ref)).toBe(text);
  });

  test.each([
    ["", "empty reference"],
    [" nginx", "not a name"],
    ["nginx ", "not a name"],
    ["nginx:", "not a tag"],
    [":1", "empty name"],
    ["nginx:-x", "not a tag"],
    [`nginx:${"t".repeat(129)}`, "not a tag"],
    ["nginx:1:2", "not a tag"],
    ["Nginx", "upper case"],
    ["example.com/Web", "upper case"],
    ["a/Web", "upper case"],
    ["example.com/", "empty name"],
    ["example.com//web", "not a name"],
    ["/web", "not a name"],
    ["a..b", "not a name"],
    ["a___b", "not a name"],
    ["-web", "not a name"],
    ["web-", "not a name"],
    ["-host.com/web", "not a registry host"],
    ["host.com:port/web", "not a registry host"],
    ["https://example.com/web", "not a registry host"],
    ["web@sha256:abc", "64 lower case hex"],
    [`web@${sha.toUpperCase()}`, "not a digest"],
    [`web@sha256:${"A1".repeat(32)}`, "64 lower case hex"],
    [`web@md5:${"a".repeat(32)}`, "not a digest"],
    [`web@${sha}@${sha}`, "not a digest"],
    ["web@", "not a digest"],
    ["web@constructor:x", "not a digest"],
    ["a".repeat(64), "an image id"],
    ["x".repeat(256), "longer than 255"],
    ["x".repeat(250), "longer than 255"],
    ["x".repeat(3000), "2048"],
    ["{{ .Values.image }}", "not a name"],
    ["nginx\n", "not a name"],
    ["nginx:1\n", "not a tag"],
  ])("refuses %j", (text, why) => {
    expect(() => parseImageRef(text)).toThrow(SlipwayError);
    expect(() => parseImageRef(text)).toThrow(why);
    expect(tryParseImageRef(text)).toBeUndefined();
  });

  test("keeps the spelling of the name apart from what it means", () => {
    const ref = parseImageRef("index.docker.io/nginx:1");
    expect(ref).toEqual({
      registry: "docker.io",
      repository: "library/nginx",
      tag: "1",
      name: "index.docker.io/nginx",
    });
  });

  test("takes linear time on a name made to make patterns slow", () => {
    expect(tryParseImageRef(`${"a-".repeat(120)}!`)).toBeUndefined();
    expect(tryParseImageRef(`${"a.".repeat(120)}/x!`)).toBeUndefined();
  });
});

test("spellings of one repository are the same", () => {
  const [short, full, old] = ["nginx:1", "docker.io/library/nginx", "index.docker.io/library/nginx:2"].map(
    parseImageRef,
  );
  expect(sameRepository(short!, full!)).toBe(true);
  expect(sameRepository(short!, old!)).toBe(true);
  expect(sameRepository(short!, parseImageRef("quay.io/library/nginx"))).toBe(false);
});

describe("moving to another tag", () => {
  const move = (text: string, to: Parameters<typeof withTag>[1]): string =>
    formatImageRef(withTag(parseImageRef(text), to));

  test("a tag stays a tag, spelled as before", () => {
    expect(move("index.docker.io/nginx:1", { tag: "2", digest: otherSha })).toBe("index.docker.io/nginx:2");
  });
  test("a digest stays a digest", () => {
    expect(move(`web@${sha}`, { tag: "2", digest: otherSha })).toBe(`web@${otherSha}`);
  });
  test("tag and digest move together", () => {
    expect(move(`web:1@${sha}`, { tag: "2", digest: otherSha })).toBe(`web:2@${otherSha}`);
  });
  test("a bare name gets a tag", () => {
    expect(move("mongo", { tag: "7", digest: otherSha })).toBe("mongo:7");
  });
  test("an old digest never stays beside a new tag whose digest is not known", () => {
    expect(move(`web:1@${sha}`, { tag: "2" })).toBe("web:2");
    expect(move(`web@${sha}`, { tag: "2" })).toBe("web:2");
  });
  test("only a digest known replaces a tag", () => {
    expect(move("web:1", { digest: otherSha })).toBe(`web@${otherSha}`);
    expect(move(`web:1@${sha}`, { digest: otherSha })).toBe(`web@${otherSha}`);
  });
  test("refuses what is no tag, no digest, or neither", () => {
    expect(() => move("web:1", { tag: "a b" })).toThrow("not a tag");
    expect(() => move("web:1", { digest: "sha256:1" })).toThrow("hex digits");
    expect(() => move("web:1", {})).toThrow("neither");
  });
});

test("a canonical key is read back, anything else is refused", () => {
  expect(parseRepositoryKey("docker.io/library/nginx")).toEqual({
    registry: "docker.io",
    repository: "library/nginx",
  });
  expect(() => parseRepositoryKey("nginx")).toThrow("canonical");
  expect(() => parseRepositoryKey("docker.io/library/nginx:1")).toThrow("canonical");
});
