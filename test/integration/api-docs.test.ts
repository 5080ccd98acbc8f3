import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { findOnPath } from "#common/kit/redis-server.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { needs } from "#support/skips.ts";

import { declare, oneEnvironment, startApiBox, tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

const hasCurl = () => needs("curl", findOnPath("curl", process.env) !== undefined, "apt-get install curl");

describe.runIf(hasPostgres() && hasCurl())("docs/api.md", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  let folder: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: oneEnvironment });
    await declare(box, { "front-end": "weaveworksdemos/front-end:0.3.0" });
    folder = await mkdtemp(join(tmpdir(), "slipway-docs-"));
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  const shell = (script: string): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, SLIPWAY: box.url, TOKEN: tokens.admin, no_proxy: "127.0.0.1" };
      execFile("bash", ["-e", "-o", "pipefail", "-c", script], { env, cwd: folder }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
      );
    });

  test("has examples that work as they are written, one after the other", async () => {
    const text = await readFile(join(import.meta.dirname, "../../docs/api.md"), "utf8");
    const examples = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, script = ""]) => script);
    expect(examples.length).toBeGreaterThan(8);
    const { code, out, err } = await shell(examples.join("\n"));
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toContain('"sourceSha":"5f2a9c7d0b6e4f1a8c3d2e1f0a9b8c7d6e5f4a3b"');
    expect(out).toContain("event: step");
    expect(out).toContain("event: ready");
    expect(await readFile(join(folder, "jobs.jsonl"), "utf8")).toContain('"kind":"release"');
  });
});
