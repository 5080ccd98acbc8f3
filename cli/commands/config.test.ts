import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { runCli } from "../program.ts";
import { createFakeIo } from "../testing/run.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "slipway-config-"));
});
afterEach(async () => {
  await rm(cwd, { recursive: true, force: true });
});

async function slipway(args: readonly string[], more: Parameters<typeof createFakeIo>[1] = {}) {
  const io = createFakeIo(["config", "check", ...args], { cwd, ...more });
  const code = await runCli(io);
  return { code, out: io.outLines, err: io.errLines };
}

const good = `environments:
  - name: a
    cluster: { kubeconfig: ./kubeconfig }
    git: { url: "https://git.example.com/x", tokenFile: token }
`;
const wrong = `environments:
  - name: A
    cluster: { inCluster: true }
    git:
      branch: main
  - name: b
    cluster: { inCluster: true }
    git: { url: "http://git.example.com/x" }
    colour: red
`;

test("a file without a mistake is said to have none; files that are elsewhere are noted", async () => {
  await writeFile(join(cwd, "slipway.yaml"), good);
  await writeFile(join(cwd, "token"), "t");
  expect(await slipway([])).toEqual({
    code: 0,
    out: ["slipway.yaml: 1 environment, no mistake"],
    err: ["Note: environments[0].cluster.kubeconfig: ./kubeconfig is not here"],
  });
  expect(await slipway(["--files"])).toEqual({
    code: 1,
    out: [],
    err: ["environments[0].cluster.kubeconfig: ./kubeconfig is not here"],
  });
});

test("every mistake is listed at once with its line, and the exit code is 1", async () => {
  await writeFile(join(cwd, "other.yaml"), wrong);
  const ran = await slipway(["other.yaml"]);
  expect(ran.code).toBe(1);
  expect(ran.out.map((line) => line.split(": ").slice(0, 2).join(": "))).toEqual([
    "other.yaml:2: environments[0].name",
    "other.yaml:4: environments[0].git.url",
    "other.yaml:9: environments[1].colour",
  ]);
  const json = await slipway(["-", "-o", "json"], { stdin: "environments: [\n" });
  expect(json.code).toBe(1);
  const told = JSON.parse(json.out.join("")) as { ok: boolean; faults: { line: number }[] };
  expect(told).toMatchObject({ file: "-", ok: false });
  expect(told.faults[0]?.line).toBe(2);
});

test("no file at all is a usage error that names the places", async () => {
  const none = await slipway([]);
  expect(none.code).toBe(2);
  expect(none.err.join("\n")).toContain(join(cwd, "slipway.yaml"));
  expect(await slipway(["absent.yaml"])).toMatchObject({ code: 2 });
});

test("the schema of the file is printed as it is published", async () => {
  const io = createFakeIo(["config", "schema"], { cwd });
  expect(await runCli(io)).toBe(0);
  const schema = JSON.parse(io.outLines.join("\n")) as { title: string; required: string[] };
  expect(schema).toMatchObject({ title: "slipway.yaml", required: ["environments"] });
});
