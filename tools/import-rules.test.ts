import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { checkImports } from "./import-rules.ts";

const root = join(import.meta.dirname, "..");
const rooms = ["{cli,web,services,libs,sandbox,test,bench,tools}/**/*.{ts,tsx}", "*.config.ts"];

test("the repository keeps its import rules", { timeout: 60_000 }, () => {
  const paths = globSync(rooms, { cwd: root, exclude: ["**/node_modules/**", "**/dist/**"] });
  expect(paths.length).toBeGreaterThan(30);
  const files = paths.map((path) => ({ path, source: readFileSync(join(root, path), "utf8") }));
  expect(checkImports(files)).toEqual([]);
});

function rulesOf(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, source]) => ({ path, source }));
  return checkImports(sources).map(({ rule, detail }) => `${rule}: ${detail}`);
}

const worker = "services/release-worker/lanes/lane.ts";

test.each([
  [worker, `import { simpleGit } from "simple-git";`],
  [worker, `import { KubeConfig } from "@kubernetes/client-node";`],
  ["services/api/http.ts", `import { request } from "undici";`],
  [worker, `import { Queue } from "bullmq";`],
  [worker, `import type { Redis } from "ioredis";`],
  [worker, `import { Server } from "@grpc/grpc-js";`],
  [worker, `import { createChannel } from "nice-grpc";`],
  [worker, `import { ServerError } from "nice-grpc-common";`],
  ["cli/main.ts", `import pg from "pg";`],
  [worker, `import { sql } from "kysely/helpers/postgres";`],
  [worker, `export { Pool } from "pg";`],
  [worker, `const pg = await import("pg");`],
  [worker, `let pool: import("pg").Pool;`],
])("%s must not open a door itself: %s", (path, source) => {
  expect(rulesOf({ [path]: source })).toEqual([expect.stringMatching(/^door: /)]);
});

test.each([
  ["services/release-worker/git/clone.ts", `import { simpleGit } from "simple-git";`],
  ["services/registry-scanner/oci/client.ts", `import { request } from "undici";`],
  ["libs/common/kit/kube-watch.ts", `import * as k8s from "@kubernetes/client-node"; import "undici";`],
  ["libs/common/kit/queue-backend.ts", `import { Queue } from "bullmq";`],
  ["libs/common/kit/grpc.ts", `import { createServer } from "nice-grpc";`],
  ["services/release-worker/grpc.ts", `import type { CallContext } from "nice-grpc-common";`],
  ["libs/common/store/jobs.ts", `import { sql } from "kysely"; import pg from "pg";`],
  ["test/support/postgres.ts", `import pg from "pg";`],
  ["sandbox/registry/client.ts", `import { request } from "undici";`],
])("%s is a door: %s", (path, source) => {
  expect(rulesOf({ [path]: source })).toEqual([]);
});

test("a service must not import another, by whatever spelling", () => {
  expect(rulesOf({ "services/api/routes.ts": `import { plan } from "../release-worker/plan.ts";` })).toEqual([
    "service-isolation: the service api must not import services/release-worker/plan.ts",
  ]);
  expect(rulesOf({ "services/api/routes.ts": `import "./rest/jobs.ts";` })).toEqual([]);
});

test("libs know nothing of what is built on them", () => {
  expect(
    rulesOf({ "libs/common/kit/x.ts": `import type { Api } from "../../../services/api/x.ts";` }),
  ).toEqual(["libs-below: must not import services/api/x.ts"]);
});

test.each([
  `import { readFile } from "node:fs/promises";`,
  `import { z } from "zod";`,
  `import type { Log } from "#common/kit/log.ts";`,
  `import type { ReleaseRequest } from "../contracts/requests.ts";`,
])("the domain is pure: %s", (source) => {
  expect(rulesOf({ "libs/common/domain/plan.ts": source })).toEqual([
    expect.stringMatching(/^domain-pure: /),
  ]);
});

test("the domain may use its pure helpers, and its tests what they like", () => {
  const source = `import { parse } from "yaml"; import semver from "semver"; import { x } from "./tag.ts";`;
  expect(rulesOf({ "libs/common/domain/plan.ts": source })).toEqual([]);
  expect(rulesOf({ "libs/common/domain/plan.test.ts": `import { readFileSync } from "node:fs";` })).toEqual(
    [],
  );
});

test("contracts import only domain, contracts and zod", () => {
  const path = "libs/common/contracts/http.ts";
  expect(rulesOf({ [path]: `import { z } from "zod"; import { x } from "#common/domain/x.ts";` })).toEqual(
    [],
  );
  expect(rulesOf({ [path]: `import { x } from "#common/store/x.ts";` })).toEqual([
    "contracts-pure: must not import libs/common/store/x.ts",
  ]);
});

test.each([
  `import { createFakeClock } from "#common/testing/fake-clock.ts";`,
  `import { fakeStore } from "./store.fake.ts";`,
  `import { storeContract } from "./store.contract.ts";`,
  `import { startRegistry } from "#sandbox/registry/server.ts";`,
  `import { startRedis } from "#support/redis.ts";`,
])("production code never imports test code: %s", (source) => {
  for (const path of ["services/api/store.ts", "cli/main.ts", "libs/common/kit/x.ts"]) {
    expect(rulesOf({ [path]: source })).toEqual([expect.stringMatching(/^test-code: /)]);
  }
  for (const path of ["services/api/store.test.ts", "sandbox/cluster/x.ts", "libs/common/testing/x.ts"]) {
    expect(rulesOf({ [path]: source })).toEqual([]);
  }
});

test("the demo may be started from production code", () => {
  expect(rulesOf({ "cli/commands/demo.ts": `import { demo } from "#sandbox/demo/demo.ts";` })).toEqual([]);
});

test.each([
  "const url = process.env.DATABASE_URL;",
  `const url = process["env"].DATABASE_URL;`,
  "const url = globalThis.process.env.DATABASE_URL;",
  "const { env } = process;",
  `import { env } from "node:process";`,
])("the environment is read in main.ts only: %s", (source) => {
  expect(rulesOf({ "services/api/config.ts": source })).toEqual([expect.stringMatching(/^process-env: /)]);
  for (const path of ["services/api/main.ts", "tools/x.ts", "test/x.ts", "bench/x.ts", "vitest.config.ts"]) {
    expect(rulesOf({ [path]: source })).toEqual([]);
  }
});

test("finds a cycle once and shows the way round, type imports included", () => {
  const files = {
    "cli/a.ts": `import "./b.ts";`,
    "cli/b.ts": `import type { C } from "./c.ts";`,
    "cli/c.ts": `export * from "./a.ts"; import "./d.ts";`,
    "cli/d.ts": "",
  };
  expect(rulesOf(files)).toEqual(["cycle: cli/a.ts → cli/b.ts → cli/c.ts → cli/a.ts"]);
  expect(rulesOf({ "cli/a.ts": `import "./a.ts";` })).toEqual(["cycle: cli/a.ts → cli/a.ts"]);
});

test("says when a file does not parse", () => {
  expect(rulesOf({ "cli/a.ts": "const = ;" })[0]).toMatch(/^parse: /);
});
