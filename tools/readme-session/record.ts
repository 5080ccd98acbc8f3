import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createLog } from "#common/kit/log.ts";
import { runMain } from "#common/kit/run-main.ts";
import { untilReady } from "#sandbox/demo/story.ts";
import { startDemoWorld } from "#sandbox/demo/world.ts";

import { startInstallation } from "../installation.ts";
import { withSession } from "./readme.ts";
import { screenOf } from "./screen.ts";

/**
 * Plays a release, a release that fails, and a rollback at a terminal (`script` of util-linux), against the
 * demo's world, and puts what stood on the screen into the README.
 */
const root = join(import.meta.dirname, "../..");
const columns = 112;
const broken = "weaveworksdemos/front-end:0.3.0-broken";

await runMain(async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-session-"));
  await chmod(folder, 0o711);
  const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const place = await startPlace(folder, (stop) => void stops.push(stop));
    const lines = await play(place);
    const file = join(root, "README.md");
    await writeFile(file, withSession(await readFile(file, "utf8"), lines));
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
});

interface Place {
  readonly url: string;
  readonly token: string;
}

async function startPlace(folder: string, later: (stop: () => Promise<void>) => void): Promise<Place> {
  const world = await startDemoWorld({ folder, gitToken: randomBytes(18).toString("base64url") });
  later(() => world.stop());
  world.registry.addImage("weaveworksdemos/front-end", "0.3.0-broken", {
    createdAt: new Date("2016-11-21T09:00:00Z"),
  });
  const installation = await startInstallation({
    folder,
    settingsFile: world.settingsFile,
    env: process.env,
    workers: 1,
    log: createLog({ service: "session", level: "warn", pretty: true }),
  });
  later(() => installation.stop());
  const { url, token } = installation;
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  const { signal } = new AbortController();
  await untilReady({ url, token, world, print, interrupted: signal, env: process.env }, 60_000);
  return { url, token };
}

async function play(place: Place): Promise<readonly string[]> {
  const typed = ["release front-end -i weaveworksdemos/front-end:7f511af2d21fd601b86b3bed7baa6adfa9c8c669"];
  const first = await atTerminal(place, typed[0] ?? "");
  const second = await atTerminal(place, `release front-end -i ${broken}`);
  const failed = /^Job ([0-9a-f]{8}) /m.exec(second.join("\n"))?.[1];
  if (failed === undefined) throw new Error(`the second release printed no job:\n${second.join("\n")}`);
  return [...first, ...second, ...(await atTerminal(place, `rollback ${failed}`))];
}

/** One command as a person types it; every question is answered with yes. */
async function atTerminal({ url, token }: Place, words: string): Promise<readonly string[]> {
  const command = `stty cols ${columns} rows 40; ${process.execPath} ${join(root, "cli/main.ts")} ${words}`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, SLIPWAY_URL: url, SLIPWAY_TOKEN: token, NO_COLOR: "1", TERM: "xterm" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let written = "";
  let answered = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    const asked = written.match(/\[y\/N[^\]]*\] /g)?.length ?? 0;
    if (asked > answered) child.stdin.write("y\n");
    answered = asked;
  });
  await once(child, "close");
  const lines = screenOf(written).map((line) => line.replaceAll(url, "https://slipway.example.com"));
  process.stdout.write(`${lines.join("\n")}\n`);
  return [`$ slipway ${words}`, ...lines.filter((line) => line !== "")];
}
