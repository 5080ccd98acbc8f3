import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const gzipBudget = 80_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-page-"));
  const configFile = join(import.meta.dirname, "../web/vite.config.ts");
  await build({ configFile, logLevel: "error", build: { outDir: folder } });
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function readPage(): Promise<ReadonlyMap<string, Buffer>> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => /\.\w+$/.test(name));
  return new Map(
    await Promise.all(files.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
}

test("the whole page is at most 80 kB on the wire", async () => {
  const sizes = [...(await readPage()).values()].map((bytes) => gzipSync(bytes, { level: 9 }).byteLength);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThanOrEqual(gzipBudget);
});

test("the page has no script or style within its document, and nothing from other hosts", async () => {
  const files = await readPage();
  const html = files.get("index.html")?.toString() ?? "";
  expect(html).toMatch(/<script type="module"[^>]* src="\/assets\//);
  expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
  const styles = [...files].filter(([name]) => name.endsWith(".css")).map(([, bytes]) => bytes.toString());
  for (const text of [html, ...styles]) expect(text).not.toMatch(/https?:\/\/|@import/);
});
