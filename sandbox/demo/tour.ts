import { broken, slipway, type StoryPlace } from "./typed.ts";

/** What the tour needs besides the story. */
export interface TourPlace extends StoryPlace {
  readonly workers: readonly { readonly pid: number }[];
}

const user = "sock-shop/user";
const shipping = "sock-shop/shipping";
/** The namespace whose releases need somebody's consent. */
const consentNamespace = "till";
const receipts = `${consentNamespace}/receipts`;

/** Goes on after the story: automation, a broken image that undoes itself, a freeze, a consent, a lock, a killed worker. */
export async function playTour(place: TourPlace): Promise<void> {
  await automate(place);
  await breakAndUndo(place);
  await freeze(place);
  await consent(place);
  await lock(place);
  await killWorker(place);
  place.print(
    "demo: the tour is over; `slipway history W`, `slipway jobs` and `slipway audit` tell all of it",
  );
}

async function automate(place: TourPlace): Promise<void> {
  place.print("demo: --- images that nobody has to release");
  await slipway(place, ["explain", user]);
  await slipway(place, ["automate", user, "--tag", "user=glob:0.3.*", "-m", "patches by themselves"]);
  publish(place, "user", "0.3.1");
  await untilJob(place, user, { from: "0.3.1", phase: "succeeded" });
  await slipway(place, ["history", user]);
}

async function breakAndUndo(place: TourPlace): Promise<void> {
  place.print("demo: --- an image that cannot be pulled undoes itself, and is held");
  publish(place, "user", "0.3.2-broken");
  await untilJob(place, user, { from: "0.3.2-broken", phase: "rolled-back" });
  await slipway(place, ["jobs", "--workload", user, "--limit", "3"]);
  await slipway(place, ["explain", user]);
  publish(place, "user", "0.3.3");
  await slipway(place, ["images", user, "--refresh", "--limit", "2"]);
  await slipway(place, ["unhold", user]);
  await untilJob(place, user, { from: "0.3.3", phase: "succeeded" });
  await slipway(place, ["history", user, "--limit", "3"]);
}

async function freeze(place: TourPlace): Promise<void> {
  place.print("demo: --- a freeze: what is asked for waits, and goes by itself");
  await slipway(place, ["freeze", "default", "-n", "sock-shop", "-m", "stocktaking"]);
  const id = jobOf(await slipway(place, ["release", shipping, "--latest", "-y", "--no-wait"]));
  await untilPhase(place, id, "waiting");
  await slipway(place, ["job", id]);
  await slipway(place, ["unfreeze", "default", "-n", "sock-shop"]);
  await slipway(place, ["job", id, "-w"]);
}

async function consent(place: TourPlace): Promise<void> {
  place.print(`demo: --- releases to ${consentNamespace} need an approver, who is not who asks`);
  const made = await slipway(place, ["token", "create", "ben", "--role", "approver"], { hidden: true });
  publish(place, "payment", "0.3.1");
  const image = "weaveworksdemos/payment:0.3.1";
  const id = jobOf(await slipway(place, ["release", receipts, "-i", image, "-y", "--no-wait"]));
  await untilPhase(place, id, "waiting");
  place.print("demo: ben's terminal");
  await slipway(place, ["approve", id, "-y", "-m", "seen on staging"], { token: made.trim() });
  await slipway(place, ["job", id, "-w"]);
}

async function lock(place: TourPlace): Promise<void> {
  place.print("demo: --- a lock, in git like every policy");
  await slipway(place, ["lock", user, "-m", "audit until Friday"]);
  publish(place, "user", "0.3.4");
  await slipway(place, ["policy", user]);
  await slipway(place, ["unlock", user]);
  await untilJob(place, user, { from: "0.3.4", phase: "succeeded" });
}

async function killWorker(place: TourPlace): Promise<void> {
  place.print("demo: --- a worker is killed in the middle of a release");
  const image = "weaveworksdemos/front-end:16007dddd86b2ebb41d8880c53b77580cab13f02";
  const id = jobOf(await slipway(place, ["release", "front-end", "-i", image, "-y", "--no-wait"]));
  const [worker] = place.workers;
  if (worker === undefined) throw broken("there is no worker to kill");
  await untilStep(place, id);
  process.kill(worker.pid, "SIGKILL");
  place.print(`demo: killed worker ${worker.pid} (SIGKILL); the other one goes on`);
  await slipway(place, ["job", id, "-w"]);
}

/** Somebody's pipeline has built an image. */
function publish({ world, print }: TourPlace, name: string, tag: string): void {
  world.registry.addImage(`weaveworksdemos/${name}`, tag, { createdAt: new Date() });
  print(`demo: a pipeline pushed weaveworksdemos/${name}:${tag}`);
}

function jobOf(output: string): string {
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(output)?.[0];
  if (id === undefined) throw broken("the release printed no job id");
  return id.slice(-8);
}

interface SeenJob {
  readonly id: string;
  readonly kind: string;
  readonly phase: string;
  readonly results: readonly { readonly to: string | null }[];
}

async function get<T>({ url, token, interrupted }: TourPlace, path: string): Promise<T> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(url + path, { headers, signal: interrupted });
  return (await answer.json()) as T;
}

/** Waits for the job that automation makes of a tag. */
async function untilJob(
  place: TourPlace,
  workload: string,
  { from: tag, phase }: { readonly from: string; readonly phase: string },
): Promise<void> {
  await until(place, `a release of ${tag} that is ${phase}`, async () => {
    const query = new URLSearchParams({ workload, kind: "release", limit: "20" });
    const { jobs } = await get<{ jobs: readonly SeenJob[] }>(place, `/v1/jobs?${query.toString()}`);
    const made = jobs.find(({ results }) => results.some(({ to }) => to?.endsWith(`:${tag}`) === true));
    return made?.phase === phase;
  });
}

async function untilPhase(place: TourPlace, id: string, phase: string): Promise<void> {
  await until(place, `the job ${id} to be ${phase}`, async () => {
    return (await get<SeenJob>(place, `/v1/jobs/${id}`)).phase === phase;
  });
}

/** Somebody has begun with it. */
async function untilStep(place: TourPlace, id: string): Promise<void> {
  await until(place, `a worker to take ${id}`, async () => {
    const { steps } = await get<{ steps: readonly unknown[] }>(place, `/v1/jobs/${id}/steps`);
    return steps.length > 1;
  });
}

const patienceMs = 120_000;

async function until(place: TourPlace, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await isSo())) {
    place.interrupted.throwIfAborted();
    if (performance.now() > deadline) throw broken(`waited ${patienceMs / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
