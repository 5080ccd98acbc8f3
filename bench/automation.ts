import { openJobs, triedContainers } from "#common/store/automation-facts.ts";
import { wakeAutomationOfImage } from "#common/store/automation-wakes.ts";
import { holdsOf } from "#common/store/holds.ts";
import { repositoryFacts } from "#common/store/image-facts.ts";
import { wakeLane } from "#common/store/lanes.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";
import { ListWorkloadsResponse, Workload } from "#proto/slipway/cluster/v1/cluster.ts";
import { startLaneWorld, type LaneWorker, type LaneWorld } from "../test/support/lane-world.ts";
import { countAutomated, publishEverywhere } from "../test/support/published-images.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { toRow } from "./support/row.ts";

const workloads = 5_000;
const tagsEach = 15;
/** Decided one by one for the baseline, whose time is then counted up. */
const oneByOne = 200;
const lookLimit = 20;
const name = "automation.decide-5000";

/** 5,000 automated workloads with an image repository each, and a new tag in every one of them at once. */
export const automationBench: Bench = {
  name: "automation",
  rows: [name],
  async run(run) {
    const names = Array.from({ length: workloads }, (_, at) => `app-${String(at).padStart(4, "0")}`);
    run.note(`declaring ${workloads} workloads`);
    const world = await startLaneWorld(
      {},
      {},
      {
        gates: { automation: "on", automationTiming: { settle: "0s" } },
        files: Object.fromEntries(names.map((app) => [`deploy/apps/${app}.yaml`, declared(app)])),
        pushTimeoutMs: 60_000,
        cluster: { listWorkloads: async () => running(names) },
      },
    );
    try {
      const worker = await world.worker();
      await wakeLane(world.store.db, world.laneId);
      await worker.look();
      await measure(run, { world, worker, names });
    } finally {
      await world.stop();
    }
  },
};

interface Stage {
  readonly world: LaneWorld;
  readonly worker: LaneWorker;
  readonly names: readonly string[];
}

async function measure(run: BenchRun, { world, worker, names }: Stage): Promise<void> {
  const { store } = world;
  await publishEverywhere(store.db, { keys: names.map(keyOf), tags: tagsEach - 1 });
  // What is there already is no news, and everything is warm.
  await worker.automation.look();
  run.note("a new tag each");
  await publishEverywhere(store.db, { keys: names.map(keyOf), tags: tagsEach });
  await wakeAutomationOfImage(store.db, keyOf(names[0] ?? ""));
  run.signal.throwIfAborted();
  const decided = await timed(() => worker.automation.look());
  const jobs = await countAutomated(store.db);
  if (jobs.containers !== workloads) throw new Error(`${jobs.containers} of ${workloads} move`);
  const pushed = await timed(() => untilPushed(worker, store));
  const baseline = await timed(() => decideEach(store, names.slice(0, oneByOne)));
  run.tell(
    toRow({
      name,
      value: decided.seconds,
      unit: "s",
      baseline: (baseline.seconds * workloads) / oneByOne,
      more: {
        jobs: jobs.jobs,
        pushes: (await countAutomated(store.db)).pushes,
        "s to push": Number(pushed.seconds.toFixed(2)),
      },
      budget: "5 s, 3 pushes",
      baselineIs: "read the facts of each workload by itself",
    }),
  );
}

async function untilPushed(worker: LaneWorker, { db }: Store): Promise<void> {
  for (let look = 0; look < lookLimit; look += 1) {
    await worker.look();
    const open = await db.selectFrom("jobs").select("id").where("commit_sha", "is", null).execute();
    if (open.length === 0) return;
  }
  const [left] = await db.selectFrom("jobs").selectAll().where("commit_sha", "is", null).execute();
  const why = left?.error?.detail ?? left?.waiting_for ?? "";
  throw new Error(`a job is ${left?.phase ?? "?"}, not pushed: ${why}`);
}

/** Each workload asks its own questions, as a loop over workloads does. */
async function decideEach({ db }: Store, names: readonly string[]): Promise<void> {
  const environment = "default";
  for (const app of names) {
    await declaredWorkloads(db, environment, { workloads: [`shop:deployment/${app}`] });
    await repositoryFacts(db, [keyOf(app)]);
    await holdsOf(db, environment);
    await openJobs(db, environment);
    await triedContainers(db, environment);
  }
}

function declared(app: string): string {
  return [
    "apiVersion: apps/v1",
    "kind: Deployment",
    "metadata:",
    `  name: ${app}`,
    "  namespace: shop",
    "  annotations:",
    '    slipway.dev/automated: "true"',
    `    slipway.dev/tag.${app}: semver:^1`,
    "spec:",
    `  selector: { matchLabels: { app: ${app} } }`,
    "  template:",
    `    metadata: { labels: { app: ${app} } }`,
    "    spec:",
    "      containers:",
    `        - name: ${app}`,
    `          image: example/${app}:1.${tagsEach - 2}.0`,
    "",
  ].join("\n");
}

function running(names: readonly string[]): ListWorkloadsResponse {
  return ListWorkloadsResponse.fromPartial({
    view: { ageMs: 0n, complete: true },
    workloads: names.map((app) =>
      Workload.fromPartial({ namespace: "shop", kind: "deployment", name: app, uid: app }),
    ),
  });
}

function keyOf(app: string): string {
  return `docker.io/example/${app}`;
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const from = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - from) / 1000 };
}
