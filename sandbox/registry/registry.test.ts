import { afterEach, beforeEach, expect, test } from "vitest";
import { createSandboxRegistry } from "./registry.ts";
import type { SandboxRegistry } from "./registry.ts";

const createdAt = new Date("2016-11-18T16:00:00Z");
let registry: SandboxRegistry;

beforeEach(async () => {
  registry = createSandboxRegistry();
  await registry.start();
});
afterEach(() => registry.stop());

async function get(path: string) {
  const answer = await fetch(`${registry.url}/v2/${path}`);
  const json: unknown = await answer.json();
  return { status: answer.status, link: answer.headers.get("link"), json };
}

test("equal content has an equal digest, a seed makes it another", () => {
  const digest = registry.addImage("a", "1", { createdAt });
  expect(registry.addImage("b", "2", { createdAt })).toBe(digest);
  expect(registry.addImage("b", "3", { createdAt, digestSeed: "x" })).not.toBe(digest);
  expect(registry.retag("a", "1", "latest")).toBe(digest);
});

test("a list is paged by n and last, and removed tags are gone", async () => {
  for (const tag of ["c", "a", "b", "d"]) registry.addImage("shop/x", tag, { createdAt });
  registry.removeTag("shop/x", "d");
  const first = await get("shop/x/tags/list?n=2");
  expect(first).toMatchObject({
    json: { tags: ["a", "b"] },
    link: '</v2/shop/x/tags/list?last=b&n=2>; rel="next"',
  });
  expect(await get("shop/x/tags/list?n=2&last=b")).toMatchObject({ json: { tags: ["c"] }, link: null });
});

test("requests are counted by kind", async () => {
  registry.addImage("a", "1", { createdAt });
  await get("");
  await get("a/tags/list");
  await get("a/manifests/1");
  expect(registry.requests()).toMatchObject({ ping: 1, tags: 1, manifestGet: 1, total: 3 });
  registry.resetRequests();
  expect(registry.requests().total).toBe(0);
});

test("what is stored survives a stop, at the same address", async () => {
  registry.addImage("a", "1", { createdAt });
  const { url } = registry;
  await registry.stop();
  await expect(fetch(url)).rejects.toThrow();
  await registry.start();
  expect(registry.url).toBe(url);
  expect(await get("a/tags/list")).toMatchObject({ json: { tags: ["1"] } });
});

test("a hanging repository answers when it is let go, and others are not touched", async () => {
  registry.addImage("a", "1", { createdAt });
  registry.addImage("b", "1", { createdAt });
  const letGo = registry.hang("a");
  const waiting = get("a/tags/list");
  expect((await get("b/tags/list")).status).toBe(200);
  letGo();
  expect((await waiting).status).toBe(200);
});

test("failures last as long as they were asked for", async () => {
  registry.addImage("a", "1", { createdAt });
  registry.failNext(2, { status: 503 });
  const statuses = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await get("a/tags/list")).status);
  expect(statuses).toEqual([503, 503, 200]);
});

test("what is no route is not found, also with broken escapes", async () => {
  expect((await get("a/nothing")).status).toBe(404);
  expect((await get("a/manifests/%zz")).status).toBe(404);
});
