import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

import { expect, test } from "vitest";

import { freePort, spawnServer } from "./child.ts";
import { silentLog } from "./log.ts";
import { findOnPath } from "./redis-server.ts";
import { pollUntil } from "./retry.ts";

const node = process.execPath;
const serving = "console.log('ready'); setInterval(() => {}, 1000);";
const base = { name: "child", command: node, log: silentLog, readyWhen: /ready/ };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // no such process
  }
}

test("waits for the line that tells it is ready, and stops it by its signal", async () => {
  const child = await spawnServer({ ...base, args: ["-e", serving] });
  expect(isAlive(child.pid)).toBe(true);
  await child.stop();
  expect(await child.exited).toEqual({ code: null, signal: "SIGTERM" });
});

test("waits for a question to be answered", async () => {
  let asked = 0;
  const readyWhen = async (): Promise<boolean> => (asked += 1) >= 3;
  const child = await spawnServer({ ...base, readyWhen, args: ["-e", serving] });
  expect(asked).toBe(3);
  await child.kill();
});

test("kills a child that does not heed its signal", async () => {
  const deaf = `process.on('SIGTERM', () => {}); ${serving}`;
  const child = await spawnServer({ ...base, args: ["-e", deaf], stopTimeoutMs: 50 });
  await child.stop();
  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("tells the last lines of a child that ends before it is ready", async () => {
  const failing = spawnServer({ ...base, args: ["-e", "console.error('port is taken'); process.exit(3)"] });
  await expect(failing).rejects.toMatchObject({
    code: "PREREQUISITE_MISSING",
    detail: "child did not start\nport is taken",
  });
  const absent = spawnServer({ ...base, command: "/nowhere/at-all", args: [] });
  await expect(absent).rejects.toMatchObject({ code: "PREREQUISITE_MISSING" });
});

test("children end with the process that started them", async () => {
  const script = `
    import { spawnServer } from ${JSON.stringify(new URL("./child.ts", import.meta.url).href)};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const args = ["-e", ${JSON.stringify(serving)}];
    const child = await spawnServer({ name: "c", command: process.execPath, args, readyWhen: /ready/, log });
    console.log(child.pid);
    process.stdin.on("data", () => process.exit(0));
  `;
  const parent = spawn(node, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  expect(isAlive(pid)).toBe(true);
  parent.stdin.write("end\n");
  await once(parent, "exit");
  await pollUntil(() => !isAlive(pid), { everyMs: 5, timeoutMs: 5_000, what: "the child gone" });
});

test("gives a port that can be listened on", async () => {
  const server = createServer().listen(await freePort(), "127.0.0.1");
  await once(server, "listening");
  server.close();
});

test("finds a program on the PATH it is given", () => {
  const folder = node.slice(0, node.lastIndexOf("/"));
  expect(findOnPath("node", { PATH: `/nowhere:${folder}` })).toBe(`${folder}/node`);
  expect(findOnPath("no-such-program", { PATH: folder })).toBeUndefined();
  expect(findOnPath("node", {})).toBeUndefined();
});
