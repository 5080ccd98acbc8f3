import * as fc from "fast-check";
import { expect, test } from "vitest";

import {
  authsFor,
  helperFor,
  parseDockerConfig,
  parseDockercfg,
  serverAddress,
  type DockerAuth,
} from "./docker-auths.ts";

const auth = (text: string) => Buffer.from(text).toString("base64");
const none = { username: "", password: "", identityToken: "", registryToken: "" };
const shop = { host: "registry.example.com", path: "shop/front-end" };

test("credentials are read from every form docker has written", () => {
  const text = JSON.stringify({
    auths: {
      "a.example.com": { auth: auth("bot:pa:ss") },
      "b.example.com": { username: "bot", password: "word" },
      "c.example.com": { auth: auth("bot:"), identitytoken: "refresh" },
      "d.example.com": { registrytoken: "bearer" },
      "e.example.com": { auth: auth("bot:padded\0\0") },
      "kept-by-a-helper.example.com": {},
      "odd.example.com": "text",
    },
  });
  expect(parseDockerConfig(text).auths).toEqual([
    { ...none, key: "a.example.com", username: "bot", password: "pa:ss" },
    { ...none, key: "b.example.com", username: "bot", password: "word" },
    { ...none, key: "c.example.com", username: "bot", identityToken: "refresh" },
    { ...none, key: "d.example.com", registryToken: "bearer" },
    { ...none, key: "e.example.com", username: "bot", password: "padded" },
  ]);
});

test("the old form of pull secrets is the auths alone", () => {
  const text = JSON.stringify({ "https://a.example.com/v1/": { auth: auth("bot:word"), email: "x" } });
  expect(parseDockercfg(text)).toEqual([
    { ...none, key: "https://a.example.com/v1/", username: "bot", password: "word" },
  ]);
});

test.each([
  ["registry.example.com", shop, true],
  ["https://registry.example.com", shop, true],
  ["https://Registry.example.com/v2/", shop, true],
  ["registry.example.com/shop", shop, true],
  ["registry.example.com/shop/front-end", shop, true],
  ["registry.example.com/shop/front", shop, false],
  ["registry.example.com/other", shop, false],
  ["registry.example.com:5000", shop, false],
  ["registry.example.com:5000", { ...shop, host: "registry.example.com:5000" }, true],
  ["*.example.com", shop, true],
  ["reg*.example.com", shop, true],
  ["r*g*y.example.com", shop, true],
  ["*.com", shop, false],
  ["*", shop, false],
  ["example.com", shop, false],
  ["registry.example.com.evil.example", shop, false],
  ["evilregistry.example.com", shop, false],
  ["https://index.docker.io/v1/", { host: "docker.io", path: "library/nginx" }, true],
  ["docker.io", { host: "docker.io", path: "library/nginx" }, true],
  ["index.docker.io", shop, false],
  ["", shop, false],
])("key %j for %o: %j", (key, place, meant) => {
  const one: DockerAuth = { ...none, key, username: "bot", password: "word" };
  expect(authsFor([one], place)).toEqual(meant ? [one] : []);
});

test("the most particular credential comes first", () => {
  const keys = ["*.example.com", "registry.example.com", "registry.example.com/shop", "other.example.com"];
  const found = authsFor(
    keys.map((key) => ({ ...none, key, username: "bot", password: "word" })),
    shop,
  );
  expect(found.map(({ key }) => key)).toEqual([keys[2], keys[1], keys[0]]);
});

test("helpers are found by host, then the store for all; names that are none are left out", () => {
  const config = parseDockerConfig(
    JSON.stringify({
      credHelpers: { "registry.example.com": "ecr-login", "other.example.com": "../../bin/sh" },
      credsStore: "pass",
    }),
  );
  expect(helperFor(config, shop)).toBe("ecr-login");
  expect(helperFor(config, { ...shop, host: "other.example.com" })).toBe("pass");
  expect(parseDockerConfig('{"credsStore":"a b"}').store).toBeUndefined();
  expect(serverAddress("docker.io")).toBe("https://index.docker.io/v1/");
  expect(serverAddress("registry.example.com")).toBe("registry.example.com");
});

test.each(["", "canary", '{"auths":{"a":{"auth":"canary', "[]", "null"])(
  "%j is refused without being quoted",
  (text) => {
    for (const parse of [parseDockerConfig, parseDockercfg]) {
      expect(() => parse(text)).toThrow(/^it is not/);
    }
  },
);

test("any JSON is read without failing otherwise", () => {
  fc.assert(
    fc.property(fc.json(), fc.string(), (text, host) => {
      try {
        authsFor(parseDockerConfig(text).auths, { host, path: "a" });
      } catch (error) {
        expect((error as Error).message).toMatch(/^it is not/);
      }
    }),
  );
});
