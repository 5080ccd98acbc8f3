import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { findPostgres, majorOf, prepareBinaries, unreachableFor } from "./postgres-binaries.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-binaries-"));
  await chmod(folder, 0o755);
  folders.push(folder);
  return folder;
}

async function program(folder: string, name: string, says = ""): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
}

test("the first folder of the PATH with both programs of a new enough version is taken", async () => {
  const [alone, old, sound] = [await aFolder(), await aFolder(), await aFolder()];
  await program(alone, "postgres", "postgres (PostgreSQL) 17.1");
  await program(old, "postgres", "postgres (PostgreSQL) 14.9");
  await program(old, "initdb");
  await program(sound, "postgres", "postgres (PostgreSQL) 16.2 (Debian 16.2-1)");
  await program(sound, "initdb");
  const PATH = [alone, old, sound].join(":");
  expect(findPostgres({ env: { PATH }, kind: "system" })).toEqual({
    kind: "system",
    version: "16.2",
    postgres: join(sound, "postgres"),
    initdb: join(sound, "initdb"),
  });
});

test("a major version is the number before the dot", () => {
  expect([majorOf("18.4"), majorOf("15")]).toEqual([18, 15]);
});

test("a folder on the way that others may not pass is named", async () => {
  const folder = await aFolder();
  const inner = join(folder, "closed", "inner");
  await mkdir(inner, { recursive: true });
  expect(unreachableFor(inner)).toBeUndefined();
  await chmod(join(folder, "closed"), 0o700);
  expect(unreachableFor(inner)).toBe(join(folder, "closed"));
});

async function anNpmPackage(folder: string) {
  await mkdir(join(folder, "package/native/bin"), { recursive: true });
  await mkdir(join(folder, "package/native/lib"), { recursive: true });
  const links = [{ source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" }];
  await writeFile(join(folder, "package/native/pg-symlinks.json"), JSON.stringify(links));
  await program(join(folder, "package/native/bin"), "postgres");
  const bin = join(folder, "package/native/bin");
  const found = { initdb: join(bin, "initdb"), postgres: join(bin, "postgres") };
  return { kind: "npm", version: "18.4", ...found } as const;
}

test("the links that npm does not pack are made, once", async () => {
  const folder = await aFolder();
  const found = await anNpmPackage(folder);
  const options = { copyTo: join(folder, "copy"), otherUser: true };
  expect(prepareBinaries(found, options)).toBe(found);
  expect(prepareBinaries(found, options)).toBe(found);
  expect(await readlink(join(folder, "package/native/lib/libpq.so.5"))).toBe("libpq.so.5.18");
  expect(existsSync(options.copyTo)).toBe(false);
});

test("binaries in a folder that the server's user may not enter are copied", async () => {
  const folder = await aFolder();
  const found = await anNpmPackage(folder);
  await chmod(join(folder, "package"), 0o700);
  const copyTo = join(folder, "copy");
  const prepared = prepareBinaries(found, { copyTo, otherUser: true });
  expect(prepared).toMatchObject({ postgres: join(copyTo, "postgres-18.4/bin/postgres"), version: "18.4" });
  expect(await readlink(join(copyTo, "postgres-18.4/lib/libpq.so.5"))).toBe("libpq.so.5.18");
  expect(prepareBinaries(found, { copyTo, otherUser: true })).toEqual(prepared);
  expect(prepareBinaries(found, { copyTo, otherUser: false })).toBe(found);
});
