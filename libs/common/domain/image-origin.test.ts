import { expect, test } from "vitest";

import { originOf } from "./image-origin.ts";

const labelled = (labels: Readonly<Record<string, string>>) =>
  originOf(
    Object.fromEntries(
      Object.entries(labels).map(([name, text]) => [`org.opencontainers.image.${name}`, text]),
    ),
  );

test("version, revision and source are read of the standard labels, and nothing else is", () => {
  const labels = { version: " 1.2.3 ", revision: "3fa94c1", source: "https://git.example.com/shop/web" };
  const origin = { ...labels, version: "1.2.3" };
  expect(labelled({ ...labels, title: "web" })).toEqual(origin);
  expect(originOf({ version: "9", source: "https://x.example" })).toEqual({});
});

test.each([
  ["nothing", {}],
  ["nothing but spaces", { version: "  ", revision: "" }],
  ["more than anybody reads", { version: "1".repeat(501), revision: "a".repeat(10_000) }],
  ["a source that is no web address", { source: "git@git.example.com:shop/web.git" }],
  ["a source that would run", { source: "javascript:alert(1)" }],
  ["a source with a password in it", { source: "https://bot:hunter2@git.example.com/shop/web" }],
])("%s tells no origin", (_name, labels) => {
  expect(labelled(labels)).toEqual({});
});
