import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import { majorOf } from "#common/kit/postgres-binaries.ts";
import { startPostgresServer } from "#common/kit/postgres-server.ts";
import { hasPostgres, runSql } from "#support/postgres.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-pg-test-"));
  await chmod(folder, 0o711);
  folders.push(folder);
  return folder;
}

for (const kind of ["system", "npm"] as const) {
  if (!hasPostgres(kind)) continue;
  describe(`an own Postgres (${kind})`, () => {
    test("keeps its data in the folder it was given, over stops and starts", async () => {
      const folder = join(await aFolder(), "new", "postgres");
      const first = await startPostgresServer({ env: process.env, kind, folder });
      expect(first).toMatchObject({ kind, version: expect.stringMatching(/^\d+/) });
      expect(majorOf(first.version)).toBeGreaterThanOrEqual(15);
      await runSql(first.url, "create table kept (id int)");
      await first.stop();
      const second = await startPostgresServer({ env: process.env, kind, folder });
      await runSql(second.url, "insert into kept values (1)");
      await second.restart();
      await runSql(second.url, "select 1 / count(*) from kept");
      await second.stop();
    });

    test("makes its folder anew when an earlier start was killed while it was made", async () => {
      const folder = await aFolder();
      await mkdir(join(folder, "data.new/base"), { recursive: true });
      const server = await startPostgresServer({ env: process.env, kind, folder });
      await runSql(server.url, "select 1");
      await server.stop();
      expect(await readdir(folder)).toEqual(["data"]);
    });

    test("says so when the folder was made by another major version", async () => {
      const folder = await aFolder();
      await mkdir(join(folder, "data"));
      await writeFile(join(folder, "data/PG_VERSION"), "9\n");
      const starting = startPostgresServer({ env: process.env, kind, folder });
      await expect(starting).rejects.toMatchObject({
        code: "PREREQUISITE_MISSING",
        detail: expect.stringContaining("made by PostgreSQL 9"),
      });
    });

    test("says so when another server has the folder", async () => {
      const folder = await aFolder();
      const server = await startPostgresServer({ env: process.env, kind, folder });
      const second = startPostgresServer({ env: process.env, kind, folder });
      await expect(second).rejects.toMatchObject({
        code: "PREREQUISITE_MISSING",
        detail: expect.stringContaining("postmaster.pid"),
      });
      await server.stop();
    });
  });
}
