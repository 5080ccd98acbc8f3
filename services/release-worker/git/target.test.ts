import { expect, test } from "vitest";

import {
  cacheConfig,
  cacheName,
  checkTarget,
  localEnvironment,
  networkEnvironment,
  pushEnvironment,
} from "./target.ts";
import type { GitTarget } from "./target.ts";

const place = { home: "/home/worker", searchPath: "/usr/bin" };
const target: GitTarget = { url: "https://host/a.git", branch: "main", username: "bot", token: "s3cret" };

test("the environment holds nothing of the machine's own", () => {
  expect(localEnvironment(place)).toEqual({
    PATH: "/usr/bin",
    HOME: "/home/worker",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_ALLOW_PROTOCOL: "none",
  });
});

test("the credential travels in a header that is bound to the URL", () => {
  const env = networkEnvironment(target, place);
  const basic = Buffer.from("bot:s3cret").toString("base64");
  expect(env["GIT_ALLOW_PROTOCOL"]).toBe("https");
  expect(env["GIT_CONFIG_COUNT"]).toBe("5");
  expect(env["GIT_CONFIG_KEY_4"]).toBe("http.https://host/a.git.extraHeader");
  expect(env["GIT_CONFIG_VALUE_4"]).toBe(`Authorization: Basic ${basic}`);
});

test("a push uses each connection once, so that it is never sent twice", () => {
  const env = pushEnvironment(target, place);
  expect(Object.values(env)).toContain("Connection: close");
  expect(Object.values(env)).toContain("HTTP/1.1");
});

test("ssh uses the given key and the pinned host keys only", () => {
  const ssh = { keyFile: "/run/it's/key", knownHostsFile: "/run/known" };
  const env = networkEnvironment({ url: "git@host:a.git", branch: "main", token: "unused", ssh }, place);
  expect(env["GIT_ALLOW_PROTOCOL"]).toBe("ssh");
  expect(env["GIT_SSH_COMMAND"]).toContain("StrictHostKeyChecking=yes");
  expect(env["GIT_SSH_COMMAND"]).toContain("-i '/run/it'\\''s/key'");
  expect(JSON.stringify(env)).not.toContain("Authorization");
});

test("the cache's configuration holds no credential", () => {
  const text = cacheConfig(target);
  expect(text).not.toContain("s3cret");
  expect(text).toContain('url = "https://host/a.git"');
  expect(text).toContain("followRedirects = false");
});

test("another credential, URL or branch has another cache", () => {
  const names = [
    target,
    { ...target, token: "x" },
    { ...target, url: "https://host/b" },
    { ...target, branch: "b" },
  ];
  expect(new Set(names.map(cacheName)).size).toBe(4);
  expect(cacheName(target)).toBe(cacheName({ ...target }));
});

test("a target that git could misread is refused", () => {
  expect(() => checkTarget({ url: "ext::sh", branch: "main" })).toThrow("helper transports");
  expect(() => checkTarget({ url: "https://host/a", branch: "--force" })).toThrow("not a branch");
  expect(() => checkTarget({ url: "/srv/a", branch: "main" })).toThrow("https or ssh");
});
