import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { shells } from "../complete/scripts.ts";
import { wordsOf } from "../complete/words.ts";
import { runCli } from "../program.ts";
import { startFakeApi } from "../testing/fake-api.ts";
import type { FakeApi } from "../testing/fake-api.ts";
import { createFakeIo } from "../testing/run.ts";
import { aWorkload, freshAge } from "../testing/seed.ts";

let home = "";
let api: FakeApi;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "slipway-complete-"));
  api = await startFakeApi();
});
afterEach(async () => {
  await api.close();
  await rm(home, { recursive: true, force: true });
});

async function complete(line: string, o: { shell?: string; env?: Record<string, string> } = {}) {
  const env = o.env ?? { HOME: home, SLIPWAY_URL: api.url, SLIPWAY_TOKEN: "t" };
  const io = createFakeIo(["__complete", o.shell ?? "bash", line, " \t\n\"'><=;|&(:"], { env });
  expect(await runCli(io)).toBe(0);
  expect(io.errLines).toEqual([]);
  return io.outLines;
}

test("a line is read as a shell reads it, its last word unfinished", () => {
  expect(wordsOf("slipway rel")).toEqual(["slipway", "rel"]);
  expect(wordsOf("slipway release  ")).toEqual(["slipway", "release", ""]);
  expect(wordsOf(`slipway -m "two words" 'it''s' a\\ b "`)).toEqual([
    "slipway",
    "-m",
    "two words",
    "its",
    "a b",
    "",
  ]);
});

test("verbs, flags and their choices come from the program itself", async () => {
  expect(await complete("slipway re")).toEqual(["release", "restart", "reject"]);
  expect(await complete("slipway environment ")).toEqual(["list", "check"]);
  expect(await complete("slipway release front-end --to")).toEqual([
    "--to-previous",
    "--to-running",
    "--token",
  ]);
  expect(await complete("slipway jobs -o ")).toEqual(["table", "wide", "json", "yaml", "name"]);
  expect(await complete("slipway jobs --output=j")).toEqual(["json"]);
  expect(await complete("slipway release x --override down")).toEqual(["downgrade"]);
  expect(await complete("slipway completion ")).toEqual([...shells]);
  expect(await complete("slipway lint dep")).toEqual([":files"]);
  expect(await complete("slipway workloads --no-such ")).toEqual([]);
});

test("a flag is offered once, unless it may be repeated", async () => {
  expect(await complete("slipway release x --latest --late")).toEqual([]);
  expect(await complete("slipway release x --image a:1 --imag")).toEqual(["--image"]);
});

test("names are asked of the server: workloads, containers, images, jobs and environments", async () => {
  expect(await complete("slipway release c")).toEqual(["cart", "cart-db", "catalogue"]);
  expect(await complete("slipway release cart c")).toEqual(["cart", "cart-db", "catalogue"]);
  expect(await complete("slipway history sock-shop/f")).toEqual(["sock-shop/front-end"]);
  expect(await complete("slipway images front-end -c ")).toEqual(["front-end"]);
  expect(await complete("slipway release front-end -i weaveworksdemos/front-end:0")).toEqual(["0.2.0"]);
  expect(await complete("slipway job 0c")).toEqual(["0c1d8e11"]);
  expect(await complete("slipway rollback front")).toEqual(["front-end"]);
  expect(await complete("slipway environment check ")).toEqual(["default"]);
  expect(await complete("slipway workloads -n ")).toEqual(["sock-shop"]);
});

test("each shell gets what it reads: descriptions where it shows them, colons escaped for zsh", async () => {
  expect(await complete("slipway job 0c", { shell: "fish" })).toEqual([
    expect.stringMatching(/^0c1d8e11\t23 Nov 26 16:40 UTC Release latest/),
  ]);
  expect(
    await complete("slipway release front-end -i weaveworksdemos/front-end:0", { shell: "zsh" }),
  ).toEqual(["weaveworksdemos/front-end\\:0.2.0:09 Nov 16 10:26 UTC"]);
});

test("the server is asked once in twenty seconds, and what it said is kept for its owner alone", async () => {
  await complete("slipway release c");
  await complete("slipway release ca");
  expect(api.of("listWorkloads")).toHaveLength(1);
  const folder = join(home, ".cache/slipway/completion");
  const [file = ""] = await readdir(folder);
  expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
});

test("a name that a shell would take for more than a name is not offered", async () => {
  await api.close();
  const names = ["web", "web$(id)", "web;id", "web`id`", "web\u001b[2J", "web id"];
  const workloads = names.map((name) => aWorkload(name, "x:1"));
  api = await startFakeApi({ listWorkloads: () => ({ json: { workloads, age: freshAge, next: null } }) });
  for (const shell of shells) {
    expect((await complete("slipway release w", { shell })).map((line) => line.split(/[\t:]/)[0])).toEqual([
      "web",
    ]);
  }
});

test("without a server, or with one that is away, nothing is offered and nothing is said", async () => {
  expect(await complete("slipway release c", { env: {} })).toEqual([]);
  expect(await complete("slipway release c", { env: { SLIPWAY_URL: "http://127.0.0.1:1" } })).toEqual([]);
  expect(await complete("slipway rel", { env: {} })).toEqual(["release"]);
});

/** A `slipway` on the PATH that completes truly and otherwise says what it was called with. */
async function onPath(): Promise<string> {
  const bin = join(home, "bin");
  await mkdir(bin);
  const main = new URL("../main.ts", import.meta.url).pathname;
  const script = `#!/bin/sh
case "$1" in
  __complete | completion) exec '${process.execPath}' '${main}' "$@" ;;
  *) echo "RAN: $*" ;;
esac
`;
  await writeFile(join(bin, "slipway"), script, { mode: 0o755 });
  return `${bin}:${process.env["PATH"] ?? ""}`;
}

const has = (program: string) => spawnSync(program, ["--version"]).error === undefined;

const terminals = [
  { shell: "bash", start: "bash --norc --noprofile -i", load: 'eval "$(slipway completion bash)"' },
  {
    shell: "zsh",
    start: "zsh -f -i",
    load: 'autoload -U compinit; compinit -u -D; eval "$(slipway completion zsh)"',
  },
  { shell: "fish", start: "fish --no-config -i", load: "slipway completion fish | source" },
] as const;

for (const { shell, start, load } of terminals) {
  describe.runIf(has(shell) && has("script"))(`${shell} at a terminal`, () => {
    test("Tab completes verb, workload and an image with its colon", { timeout: 60_000 }, async () => {
      const env = { HOME: home, SLIPWAY_URL: api.url, PATH: await onPath(), PS1: "ready> ", TERM: "dumb" };
      const child = spawn("script", ["-qec", start, "/dev/null"], { env });
      let screen = "";
      const seen = async (text: string) => {
        while (!screen.includes(text)) await new Promise((resolve) => child.stdout.once("data", resolve));
      };
      child.stdout.on("data", (chunk: Buffer) => {
        screen += chunk.toString("utf8");
      });
      child.stdin.write(`${load}; echo lo""aded\n`);
      await seen("loaded");
      child.stdin.write("slipway rel\tfron\t-i weave\t0\t\n");
      await seen("RAN:");
      child.stdin.write("exit\n");
      await new Promise((resolve) => child.once("close", resolve));
      expect(screen).toContain("RAN: release front-end -i weaveworksdemos/front-end:0.2.0");
    });
  });
}

for (const [shell, check] of [
  ["zsh", ["-n"]],
  ["fish", ["--no-execute"]],
] as const) {
  test.skipIf(!has(shell))(`${shell} reads its script without complaint`, async () => {
    const io = createFakeIo(["completion", shell]);
    await runCli(io);
    const file = join(home, "script");
    await writeFile(file, io.outLines.join("\n"));
    expect(spawnSync(shell, [...check, file], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });
}
