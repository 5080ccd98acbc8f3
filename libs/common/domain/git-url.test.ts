import { expect, test } from "vitest";
import {
  checkBranchName,
  checkGitUrl,
  laneBranchOf,
  laneKey,
  laneRefName,
  mayShareRepository,
  normaliseGitUrl,
  transportOf,
} from "./git-url.ts";

const bell = String.fromCodePoint(7);

test.each([
  ["https://Git.Example.com/shop/config.git", "https://git.example.com/shop/config"],
  ["https://git.example.com:443/shop/config", "https://git.example.com/shop/config"],
  ["https://git.example.com/shop//config.git/", "https://git.example.com/shop/config"],
  ["https://bot:word@git.example.com/shop/config", "https://git.example.com/shop/config"],
  ["https://git.example.com:8443/shop/config", "https://git.example.com:8443/shop/config"],
  ["http://127.0.0.1:80/a.git", "http://127.0.0.1/a"],
  ["HTTPS://h/Shop", "https://h/Shop"],
  ["ssh://git@Host:22/shop/config.git", "ssh://host/shop/config"],
  ["git@host:shop/config.git", "ssh://host/shop/config"],
  ["https://[::1]:8080/a.git", "https://[::1]:8080/a"],
  ["/srv/git/a.git", "file:///srv/git/a"],
  ["file:///srv/git/a.git", "file:///srv/git/a"],
])("%s is the repository %s", (url, wanted) => {
  expect(normaliseGitUrl(url)).toBe(wanted);
});

test("a normalised URL stays as it is", () => {
  const once = normaliseGitUrl("ssh://git@Host:2222/a/b.git/");
  expect(normaliseGitUrl(once)).toBe(once);
});

test.each([
  "",
  "-oProxyCommand=x",
  "--upload-pack=x",
  "ext::sh -c true",
  "ext::true",
  "fd::17",
  "git://host/a",
  "ftp://host/a",
  "https://",
  "https://host",
  "https://host/",
  "https:///a",
  "https://-host/a",
  "ssh://-oProxyCommand=x/a",
  "ssh://-o@host/a",
  "git@-host:a",
  "git@host:-a",
  "https://host/a?b=c",
  "https://host/a#b",
  "https://host/a b",
  'https://host/a"b',
  "https://host/a\nb",
  `https://host/${bell}`,
  "https://host:99999999/a",
  "just-a-name",
  `https://host/${"a".repeat(2000)}`,
])("%j is refused", (url) => {
  expect(() => checkGitUrl(url, { allowHttp: true, allowFile: true })).toThrow("The settings have mistakes");
});

test("plain http and paths need permission", () => {
  expect(() => checkGitUrl("http://host/a")).toThrow("plain http");
  expect(() => checkGitUrl("/srv/a")).toThrow("https or ssh");
  expect(() => checkGitUrl("http://host/a", { allowHttp: true })).not.toThrow();
  expect(() => checkGitUrl("/srv/a", { allowFile: true })).not.toThrow();
  expect(() => checkGitUrl("https://host/a")).not.toThrow();
  expect(() => checkGitUrl("git@host:a/b.git")).not.toThrow();
});

test("a credential inside a URL is refused and not repeated", () => {
  expect(() => checkGitUrl("https://bot:s3cret@host/a")).toThrow(/^(?!.*s3cret).*credential/);
});

test.each(["main", "release/2026-11", "feature_x", "v1.2"])("%j is a branch", (branch) => {
  expect(() => checkBranchName(branch)).not.toThrow();
});

test.each([
  "",
  "-d",
  "a..b",
  "a b",
  "a~1",
  "a^",
  "a:b",
  "a?",
  "a*",
  "a[",
  "a\\b",
  "/a",
  "a/",
  "a//b",
  ".a",
  "a/.b",
])("%j is not a branch", (branch) => {
  expect(() => checkBranchName(branch)).toThrow("is not a branch name");
});

test.each(["a.lock", "a.lock/b", "a.", "@", "a@{1}", "HEAD", `a${bell}`, "a\n", "a".repeat(201)])(
  "%j is not a branch either",
  (branch) => {
    expect(() => checkBranchName(branch)).toThrow("is not a branch name");
  },
);

test("lane key and lane ref name the branch", () => {
  expect(laneKey("https://Host/a.git", "main")).toBe("https://host/a#main");
  expect(laneRefName("shop", "release/1")).toBe("refs/slipway/shop/release/1");
  expect(() => laneRefName("Shop/..", "main")).toThrow("installation");
});

test.each([
  ["https://host/a/b.git", "git@HOST:a/b", true],
  ["https://host/a/b", "ssh://git@host:2222/a/b.git", true],
  ["http://host/a/b", "https://host/a/b/", true],
  ["https://host/a/b", "https://HOST:443/a/b.git", false],
  ["ssh://git@host/a/b", "git@host:a/b.git", false],
  ["https://host:8443/a/b", "https://host/a/b", false],
  ["https://host/a/b", "git@host:a/c", false],
  ["https://host/a/b", "git@other:a/b", false],
  ["https://host/a/b", "not a url", false],
])("%s and %s are two spellings of one repository: %s", (a, b, shared) => {
  expect(mayShareRepository(a, b)).toBe(shared);
  expect(mayShareRepository(b, a)).toBe(shared);
});

test("the transport is read from every form of a URL", () => {
  const urls = ["git@host:a", "ssh://host/a", "HTTPS://host/a", "http://host/a", "/srv/a", "ext::x"];
  expect(urls.map(transportOf)).toEqual(["ssh", "ssh", "https", "http", "file", undefined]);
});

test("the branch in place of a lane ref has its name", () => {
  expect(laneBranchOf("refs/slipway/shop/release/1.x")).toBe("refs/heads/slipway/shop/release/1.x");
  expect(() => laneBranchOf("refs/heads/main")).toThrow("not a lane ref");
});
