import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "#common/kit/log.ts";
import { runMain } from "#common/kit/run-main.ts";
import { buildPage } from "../../tools/build-page.ts";
import { startInstallation, type Installation } from "../../tools/installation.ts";
import { demoUsage, readDemoOptions, type DemoOptions } from "./options.ts";
import { checkPrerequisites } from "./prerequisites.ts";
import { playStory, untilReady } from "./story.ts";
import { playTour } from "./tour.ts";
import { startDemoWorld, type DemoWorld } from "./world.ts";

const print = (text: string): void => void process.stdout.write(`${text}\n`);

await runMain(async () => {
  const options = readDemoOptions(process.argv.slice(2));
  if (options === "help") return print(demoUsage);
  await checkPrerequisites();
  const interrupted = listenForSignals();
  const folder = await mkdtemp(join(tmpdir(), "slipway-demo-"));
  await chmod(folder, 0o711);
  const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    await play(options, { folder, stops, interrupted });
    if (!options.once) await untilInterrupted(interrupted);
  } catch (error) {
    // Whatever breaks after Ctrl-C breaks because of it.
    if (!interrupted.aborted) throw error;
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
});

interface Stage {
  readonly folder: string;
  readonly stops: (() => Promise<void>)[];
  readonly interrupted: AbortSignal;
}

async function play(options: DemoOptions, { folder, stops, interrupted }: Stage): Promise<void> {
  const gitToken = randomBytes(18).toString("base64url");
  const world = await startDemoWorld({ folder, gitToken, tour: options.tour });
  stops.push(() => world.stop());
  if (!options.once) await buildPage();
  const startedMs = performance.now();
  interrupted.throwIfAborted();
  const installation = await startServices(options, { folder, world });
  stops.push(() => installation.stop());
  const place = {
    url: installation.url,
    token: installation.token,
    world,
    print,
    interrupted,
    env: process.env,
  };
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  print(
    `Slipway demo: ${installation.postgresIs}, ${installation.queueIs}, sandbox cluster, registry and git host.`,
  );
  print(
    `api, cluster-watcher, registry-scanner, release-worker x2 ready in ${seconds} s. All of it is local and removed at the end.`,
  );
  await untilReady(place, 60_000);
  await playStory(place);
  if (options.tour) await playTour({ ...place, workers: installation.workers });
  if (options.once) return;
  const contact = await writeContact(installation);
  stops.push(() => rm(contact, { force: true }));
  print(`demo: the page is at ${installation.url}/#token=${installation.token}`);
  print(
    `demo: the API is at ${installation.url}; in this folder: npx slipway list-services -n sock-shop. Ctrl-C ends it.`,
  );
}

async function startServices(
  options: DemoOptions,
  o: { folder: string; world: DemoWorld },
): Promise<Installation> {
  return startInstallation({
    folder: o.folder,
    settingsFile: o.world.settingsFile,
    env: process.env,
    workers: 2,
    log: createLog({ service: "demo", level: "warn", pretty: true }),
    queue: options.queue,
    ...(options.postgres === undefined ? {} : { postgres: options.postgres }),
    ...(options.trace ? { trace: (line: string) => print(`trace: ${line}`) } : {}),
  });
}

/** Where a command line started in this folder finds the demo. */
async function writeContact({ url, token }: Installation): Promise<string> {
  const folder = join(process.cwd(), ".slipway");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `demo-${process.pid}.json`);
  await writeFile(path, JSON.stringify({ url, token, pid: process.pid }), { mode: 0o600 });
  return path;
}

/** The first signal ends the demo in order; the second at once (children are killed as we exit). */
function listenForSignals(): AbortSignal {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (interrupted.signal.aborted) process.exit(1);
      interrupted.abort();
    });
  }
  // Whoever read our output left (`| head`): as good as Ctrl-C.
  process.stdout.on("error", () => interrupted.abort());
  return interrupted.signal;
}

async function untilInterrupted(interrupted: AbortSignal): Promise<void> {
  if (interrupted.aborted) return;
  await new Promise<void>((resolve) =>
    interrupted.addEventListener("abort", () => resolve(), { once: true }),
  );
}
