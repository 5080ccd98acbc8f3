import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

const main = join(import.meta.dirname, "../../sandbox/demo/main.ts");
const lastLine =
  /^demo: release [0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12} succeeded, commit [0-9a-f]{7}, rolled back by [0-9a-f]{7}$/;

test("two demos beside each other both play the 2016 story to its end", async () => {
  const [one, two] = await Promise.all([
    runDemo(["--once"]),
    runDemo(["--once", "--queue", "postgres", "--postgres", "npm"]),
  ]);
  for (const demo of [one, two]) {
    expect(demo.stderr).toBe("");
    expect(demo.code).toBe(0);
    expect(demo.lines.at(-1)).toMatch(lastLine);
    expect(demo.lines).toContain("12. sock-shop/front-end is healthy.");
    expect(demo.lines).toContain("demo: deploy/front-end.yaml is byte for byte what it was");
  }
  expect(two.lines[0]).toContain("Postgres 18 (from npm), queue on Postgres");
});

test(
  "the tour goes on to automation, a rollback by itself, a freeze, a consent, a lock and a killed worker",
  { timeout: 300_000 },
  async () => {
    const demo = await runDemo(["--once", "--tour"]);
    expect([demo.code, demo.lines.at(-1)]).toEqual([0, expect.stringContaining("the tour is over")]);
    const told = demo.lines.join("\n");
    expect(told).toMatch(/0\.3\.0 -> 0\.3\.1 +[0-9a-f]{8} {2}release succeeded/);
    expect(told).toMatch(
      /[0-9a-f]{8} +.* rolled-back +automation +Auto-release weaveworksdemos\/user:0\.3\.2-broken/,
    );
    expect(told).toContain("the freeze of sock-shop in default (stocktaking), until it is lifted");
    expect(told).toMatch(/approved job=[0-9a-f-]{36};/);
    expect(told).toMatch(/succeeded till\/receipts receipts 0\.3\.0 -> 0\.3\.1 commit=/);
    expect(told).toContain("Locked by admin: audit until Friday");
    expect(told).toMatch(/demo: killed worker \d+ \(SIGKILL\)/);
  },
);

test("the trace shows gRPC methods and queue tickets", async () => {
  const demo = await runDemo(["--once", "--trace"]);
  const traced = demo.lines.filter((line) => line.startsWith("trace: "));
  expect(traced.some((line) => line.includes("slipway.cluster.v1.ClusterService/ListWorkloads"))).toBe(true);
  expect(traced.some((line) => line.includes("slipway.registry.v1.RegistryService/ListImages"))).toBe(true);
  expect(traced.some((line) => /ticket slipway-worker lane:.* taken/.test(line))).toBe(true);
});

test("Ctrl-C leaves no process, no port and no folder behind", async () => {
  const demo = startDemo([]);
  const up = await demo.line(/^demo: the API is at (http:\/\/127\.0\.0\.1:\d+)/);
  const url = up[1] ?? "";
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect(processesOf(demo.child.pid ?? 0).length).toBeGreaterThan(5);
  const before = processesOf(demo.child.pid ?? 0);
  demo.child.kill("SIGINT");
  const [code] = await once(demo.child, "exit");
  expect(code).toBe(0);
  expect(before.filter(isAlive)).toEqual([]);
  await expect(fetch(`${url}/livez`)).rejects.toThrow("fetch failed");
});

test("Ctrl-C in the middle of the story ends it in order", async () => {
  const demo = startDemo([]);
  await demo.line(/^\$ slipway release/);
  const before = processesOf(demo.child.pid ?? 0);
  demo.child.kill("SIGINT");
  const [code] = await once(demo.child, "exit");
  expect(code).toBe(0);
  expect(demo.errors).toEqual([]);
  expect(before.filter(isAlive)).toEqual([]);
});

test("a missing git is named with what to do", async () => {
  const demo = await runDemo(["--once"], { PATH: "" });
  expect(demo.code).toBe(1);
  expect(demo.stderr).toContain("git was not found on the PATH");
  expect(demo.stderr).toContain("install git 2.39 or newer");
  expect(demo.stderr).not.toContain("    at ");
});

test("an option that does not exist is refused with the usage", async () => {
  const demo = await runDemo(["--twice"]);
  expect(demo.code).toBe(1);
  expect(demo.stderr).toContain("--twice");
  expect(demo.stderr).toContain("npm run demo");
});

async function runDemo(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const demo = startDemo(args, env);
  const [code] = await once(demo.child, "close");
  return { code: code as number, lines: demo.lines, stderr: demo.errors.join("\n") };
}

function startDemo(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  const waiting: { pattern: RegExp; resolve: (match: RegExpExecArray) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const { pattern, resolve } of waiting) {
      const match = pattern.exec(line);
      if (match !== null) resolve(match);
    }
  });
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      waiting.push({ pattern, resolve });
      child.once("exit", () => reject(new Error(`the demo ended: ${errors.join("\n")}`)));
    });
  return { child: child as ChildProcess, lines, errors, line };
}

/** Processes below one, by /proc: children, their children, and so on. */
function processesOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(Number(name));
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const below = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  return below(root);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined;
}
