import { describe, expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";
import type { Settings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { parseImageRef, repositoryKey } from "#common/domain/image-ref.ts";
import { formatWorkloadId, type WorkloadId } from "#common/domain/workload.ts";
import { silentLog } from "#common/kit/log.ts";
import type { JobSpec } from "#common/store/schema.ts";
import type { Store } from "#common/store/store.ts";
import { images, workloadId } from "#common/testing/repository.ts";
import type { ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";
import { Image, Repository, type RegistryServiceClient } from "#proto/slipway/registry/v1/registry.ts";

import { createFakeGitCache } from "../git/git-cache.fake.ts";
import type { JobPlan } from "./job-plan.ts";
import { planJob, type PlanInput } from "./plan-job.ts";
import { createFactSources } from "./batch-sources.ts";
import { createTipReaderOver } from "./tip-reader.ts";
import type { TipView } from "./tip-view.ts";

const frontEnd = `# the shop's face
apiVersion: apps/v1
kind: Deployment
metadata:
  name: front-end
  namespace: sock-shop
spec:
  template:
    metadata:
      labels: { name: front-end, version: "0.2.0" }
    spec:
      containers:
        - name: front-end
          image: 'weaveworksdemos/front-end:0.2.0' # the newest of 2016
`;
const cart = frontEnd.replaceAll("front-end", "cart").replaceAll("0.2.0", "0.3.0");
const shop = { "deploy/cart.yaml": cart, "deploy/front-end.yaml": frontEnd };
const environment = environmentSettings.parse({
  name: "default",
  cluster: { inCluster: true },
  git: { url: "https://git.example.com/config.git" },
});

async function viewOf(files: Readonly<Record<string, string>>): Promise<TipView> {
  const git = createFakeGitCache();
  const blobs = { known: async () => new Map(), save: async () => undefined };
  return createTipReaderOver({ git, blobs }).read(git.commit(files), environment);
}

function repository(key: string, tags: readonly string[], more: Partial<Repository> = {}): Repository {
  const listed = images(...tags).map(({ tag, createdAt }) => Image.fromPartial({ tag, createdAt }));
  return {
    ...Repository.fromPartial({ key, scannedAt: new Date(0), complete: true }),
    images: listed,
    ...more,
  };
}

interface World {
  /** What the cluster runs; undefined when the watcher does not answer. */
  readonly running?: readonly string[] | undefined;
  readonly view?: { ageMs: bigint; complete: boolean };
  /** What the one container of a workload runs. */
  readonly live?: Readonly<Record<string, string>>;
  /** Known to the scanner. */
  readonly known?: Readonly<Record<string, readonly string[]>>;
  /** What a registry answers when it is asked anew; an error when it is away. */
  readonly atRegistry?: Readonly<Record<string, readonly string[] | SlipwayError>>;
}

const world: World = {
  running: ["sock-shop/front-end", "sock-shop/cart"],
  known: {
    "weaveworksdemos/front-end": ["0.1.0", "0.2.0", "0.3.0"],
    "weaveworksdemos/cart": ["0.3.0"],
  },
};

/** The worker's peers, and what the registry was asked for. */
function peers(o: World) {
  const asked: string[] = [];
  const key = (name: string): string => repositoryKey(parseImageRef(name));
  const listed = Object.entries(o.known ?? {}).map(([name, tags]) => repository(key(name), tags));
  const fresh = new Map(Object.entries(o.atRegistry ?? {}).map(([name, answer]) => [key(name), answer]));
  const view = { ageMs: 0n, complete: true, problem: "", ...o.view };
  const withLive = (id: WorkloadId) => {
    const image = o.live?.[`${id.namespace}/${id.name}`];
    return { ...id, containers: image === undefined ? [] : [{ name: id.name, image, init: false }] };
  };
  const running = (): WorkloadId[] => {
    if (o.running === undefined) throw new SlipwayError("UNAVAILABLE", { detail: "no watcher" });
    return o.running.map(workloadId);
  };
  const cluster = {
    listWorkloads: async () => ({ workloads: running().map(withLive), view }),
    async getWorkload(asked: WorkloadId) {
      const workload = running().find((id) => formatWorkloadId(id) === formatWorkloadId(asked));
      if (workload === undefined) throw new SlipwayError("WORKLOAD_NOT_FOUND");
      return { workload, view };
    },
  } as unknown as ClusterServiceClient;
  const registry = {
    async listImages(request: { repositories: readonly string[] }) {
      return { repositories: listed.filter((one) => request.repositories.includes(one.key)) };
    },
    async refresh(request: { repository: string; tag: string }) {
      asked.push(`${request.repository}:${request.tag}`);
      const answer = fresh.get(request.repository) ?? [];
      if (answer instanceof SlipwayError) throw answer;
      return { repository: repository(request.repository, answer), tagFound: answer.includes(request.tag) };
    },
  } as unknown as RegistryServiceClient;
  const store = undefined as unknown as Store; // only `previous` asks it
  const settings = { environments: [] } as unknown as Settings; // only one environment: nobody else declares anything
  const sources = createFactSources({ cluster, registry, settings, store, log: silentLog });
  return { deps: { sources, log: silentLog }, asked };
}

const release = (o: Partial<Extract<JobSpec, { kind: "release" }>> = {}): PlanInput["spec"] => ({
  kind: "release",
  workloads: [],
  all: true,
  exclude: [],
  images: { select: "latest" },
  override: [],
  ...o,
});

async function plan(
  files: Readonly<Record<string, string>>,
  o: {
    spec?: PlanInput["spec"];
    world?: World;
    resolved?: PlanInput["resolved"];
    undo?: JobPlan["changes"];
  } = {},
): Promise<JobPlan> {
  const { spec = release(), resolved = null, undo } = o;
  return planJob(peers(o.world ?? world).deps, await viewOf(files), {
    spec,
    resolved,
    ...(undo === undefined ? {} : { undo: { headline: "Rollback of 1", changes: undo, short: "1" } }),
  });
}

const reasons = (made: JobPlan): (string | null)[] => made.results.map((result) => result.reason);
const rollback: PlanInput["spec"] = { kind: "rollback", of: "1", override: [] };

describe("the plan of a release", () => {
  test("edits nothing but the image and the label that repeats its tag", async () => {
    const made = await plan(shop);
    expect([...made.texts]).toEqual([["deploy/front-end.yaml", frontEnd.replaceAll("0.2.0", "0.3.0")]]);
    expect(made.changes).toEqual([
      {
        path: "deploy/front-end.yaml",
        workload: "sock-shop:deployment/front-end",
        container: "front-end",
        field: "image",
        from: "'weaveworksdemos/front-end:0.2.0'",
        to: "'weaveworksdemos/front-end:0.3.0'",
      },
      expect.objectContaining({ field: expect.stringContaining("version"), from: '"0.2.0"', to: '"0.3.0"' }),
    ]);
  });
  test("names what is rolled out, with the images it will hold", async () => {
    expect((await plan(shop)).targets).toEqual([
      {
        workload: "sock-shop:deployment/front-end",
        path: "deploy/front-end.yaml",
        images: { "front-end": "weaveworksdemos/front-end:0.3.0" },
        applied: false,
        uid: null,
        generation: null,
        verdict: "pending",
        reason: null,
        spentMs: 0,
      },
    ]);
  });
  test("has a result for each container, and the seed's lines for the log", async () => {
    const made = await plan(shop);
    expect(made.results).toMatchObject([
      { container: "front-end", result: "change", reason: null, file: "deploy/front-end.yaml" },
      { container: "cart", result: "skip", reason: "up-to-date", to: null, file: "deploy/cart.yaml" },
    ]);
    expect(made.headline).toBe("Release latest images to all services");
    expect(made.updates.map((update) => update.text)).toEqual([
      "Update 1 images(s) in the resource definition file for sock-shop/front-end: front-end (weaveworksdemos/front-end:0.2.0 -> weaveworksdemos/front-end:0.3.0).",
    ]);
    expect(made.skipLines).toEqual([
      "Service sock-shop/cart image weaveworksdemos/cart:0.3.0 is already the latest one; skipping.",
    ]);
  });
  test("tells nothing of containers that a named image does not concern, nor of excluded ones", async () => {
    const exact = { images: { exact: ["weaveworksdemos/front-end:0.1.0"] } };
    expect((await plan(shop, { spec: release(exact) })).results).toHaveLength(1);
    const excluded = release({ exclude: ["sock-shop/cart"] });
    expect((await plan(shop, { spec: excluded })).results).toHaveLength(1);
  });
  test("edits several workloads of one file together", async () => {
    const files = { "all.yaml": `${frontEnd}---\n${frontEnd.replaceAll("front-end\n", "edge\n")}` };
    const running = ["sock-shop/front-end", "sock-shop/edge"];
    const made = await plan(files, { world: { ...world, running } });
    expect(made.texts.get("all.yaml")).toBe(files["all.yaml"].replaceAll("0.2.0", "0.3.0"));
    expect(made.targets).toHaveLength(2);
  });
  test("leaves what the editor refuses, with its words, and edits the rest of the file", async () => {
    const twice = frontEnd.replace(
      "      containers:\n",
      "      containers:\n        - { name: front-end, image: other:1 }\n",
    );
    const edge = frontEnd.replace("name: front-end\n", "name: edge\n");
    const files = { "all.yaml": `${twice}---\n${edge}` };
    const made = await plan(files, {
      world: { ...world, running: ["sock-shop/front-end", "sock-shop/edge"] },
    });
    expect(made.targets.map((target) => target.workload)).toEqual(["sock-shop:deployment/edge"]);
    const left = made.results.find((result) => result.reason === "not-editable");
    expect(left).toMatchObject({
      workload: "sock-shop:deployment/front-end",
      detail: expect.stringMatching(/^duplicate-container: /),
    });
    expect(made.texts.get("all.yaml")).toBe(`${twice}---\n${edge.replaceAll("0.2.0", "0.3.0")}`);
  });
  test("has one hash for one set of changed bytes, wherever the tip is", async () => {
    const [first, again] = [await plan(shop), await plan({ ...shop, "new.yaml": "a: 1" })];
    const other = await plan(shop, {
      spec: release({ images: { exact: ["weaveworksdemos/front-end:0.1.0"] } }),
    });
    expect(again.hash).toBe(first.hash);
    expect(other.hash).not.toBe(first.hash);
  });
});

describe("what is known of the cluster", () => {
  test("leaves alone what does not run", async () => {
    const made = await plan(shop, { world: { ...world, running: [] } });
    expect(reasons(made)).toEqual(["not-in-cluster", "not-in-cluster"]);
  });
  test.each([
    ["the watcher is away", { ...world, running: undefined }],
    [
      "its view is older than ten seconds",
      { ...world, running: [], view: { ageMs: 10_001n, complete: true } },
    ],
    ["its view is not whole yet", { ...world, running: [], view: { ageMs: 0n, complete: false } }],
  ])("says nothing against a change while %s", async (_, world) => {
    expect((await plan(shop, { world })).targets).toHaveLength(1);
  });
});

describe("what is known of images", () => {
  test("is asked for at the registry where nobody looked before", async () => {
    const unread: World = { ...world, known: {}, atRegistry: { "weaveworksdemos/front-end": ["0.9.0"] } };
    const made = await plan(shop, { world: unread });
    expect(made.targets[0]?.images).toEqual({ "front-end": "weaveworksdemos/front-end:0.9.0" });
  });
  test("may be missing for one repository without stopping the others", async () => {
    const away = new SlipwayError("REGISTRY_UNAVAILABLE");
    const known = { "weaveworksdemos/front-end": ["0.3.0"] };
    const made = await plan(shop, {
      world: { ...world, known, atRegistry: { "weaveworksdemos/cart": away } },
    });
    expect(made.targets).toHaveLength(1);
    expect(reasons(made)).toEqual([null, "no-image-data"]);
  });
  test("is asked for once when a named tag is not known yet", async () => {
    const spec = release({ images: { exact: ["weaveworksdemos/front-end:0.4.0"] } });
    const { deps, asked } = peers({ ...world, atRegistry: { "weaveworksdemos/front-end": ["0.4.0"] } });
    const made = await planJob(deps, await viewOf(shop), { spec, resolved: null });
    expect(made.targets[0]?.images).toEqual({ "front-end": "weaveworksdemos/front-end:0.4.0" });
    expect(asked).toEqual(["docker.io/weaveworksdemos/front-end:0.4.0"]);
  });
  test("ends the plan when a named image does not exist, and says how to see what does", async () => {
    const spec = release({ images: { exact: ["weaveworksdemos/front-end:9.9.9"] } });
    await expect(plan(shop, { spec })).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      detail: "docker.io/weaveworksdemos/front-end:9.9.9",
      hint: expect.stringContaining("list-images"),
    });
  });
});

describe("a plan that is made again", () => {
  test("writes what latest was, asks nobody for images, and has the same hash", async () => {
    const first = await plan(shop);
    const { deps, asked } = peers({ running: world.running });
    const input = { spec: release(), resolved: first.resolved };
    const again = await planJob(deps, await viewOf({ ...shop, "new.yaml": "a: 1" }), input);
    expect(again.hash).toBe(first.hash);
    expect(again.resolved).toEqual(first.resolved);
    expect(asked).toEqual([]);
  });
  test("has nothing to do where the tip holds the images already, and keeps the choice", async () => {
    const first = await plan(shop);
    const again = await plan({ ...shop, ...Object.fromEntries(first.texts) }, { resolved: first.resolved });
    expect(again.changes).toEqual([]);
    expect(again.texts.size).toBe(0);
    expect(again.resolved).toEqual(first.resolved);
  });
});

describe("the plan of a rollback", () => {
  test("writes back the very bytes, label and all", async () => {
    const first = await plan(shop);
    const made = await plan(
      { ...shop, ...Object.fromEntries(first.texts) },
      { spec: rollback, undo: first.changes },
    );
    expect([...made.texts]).toEqual([["deploy/front-end.yaml", frontEnd]]);
    expect(made.changes).toEqual(
      first.changes.map((change) => ({ ...change, from: change.to, to: change.from })),
    );
    expect(made.targets[0]?.images).toEqual({ "front-end": "weaveworksdemos/front-end:0.2.0" });
    expect(made.results).toMatchObject([
      { from: "weaveworksdemos/front-end:0.3.0", to: "weaveworksdemos/front-end:0.2.0", result: "change" },
    ]);
    expect(made.headline).toBe("Rollback of 1");
  });
  test("can itself be rolled back", async () => {
    const first = await plan(shop);
    const released = { ...shop, ...Object.fromEntries(first.texts) };
    const undone = await plan(released, { spec: rollback, undo: first.changes });
    const redone = await plan(shop, { spec: rollback, undo: undone.changes });
    expect(redone.texts).toEqual(first.texts);
  });
  test("leaves what somebody changed since, and says so", async () => {
    const first = await plan(shop);
    const newer = { ...shop, "deploy/front-end.yaml": frontEnd.replaceAll("0.2.0", "0.4.0") };
    const made = await plan(newer, { spec: rollback, undo: first.changes });
    expect(made.changes).toEqual([]);
    expect(made.texts.size).toBe(0);
    expect(reasons(made)).toEqual(["changed-since"]);
    expect(made.skipLines).toEqual([
      "Service sock-shop/front-end container front-end was changed since; skipping.",
    ]);
  });
  test("leaves a file that is gone, and writes the others", async () => {
    const both = { ...world, known: { ...world.known, "weaveworksdemos/cart": ["0.3.0", "0.4.0"] } };
    const first = await plan(shop, { world: both });
    const left = { "deploy/cart.yaml": first.texts.get("deploy/cart.yaml") ?? "" };
    const made = await plan(left, { spec: rollback, undo: first.changes });
    expect([...made.texts]).toEqual([["deploy/cart.yaml", cart]]);
    expect(reasons(made)).toEqual([null, "changed-since"]);
  });
  test("of a job that changed nothing is refused", async () => {
    await expect(plan(shop, { spec: rollback, undo: [] })).rejects.toMatchObject({
      code: "JOB_NOT_ROLLBACKABLE",
    });
    await expect(plan(shop, { spec: rollback })).rejects.toMatchObject({ code: "JOB_NOT_ROLLBACKABLE" });
  });
});

describe("a release of what runs", () => {
  const spec = release({ images: { select: "running" } });
  test("writes the live image to git, without any image data", async () => {
    const planned = await plan(shop, {
      spec,
      world: { running: world.running, live: { "sock-shop/front-end": "weaveworksdemos/front-end:hotfix" } },
    });
    expect(planned.headline).toBe("Release running images to all services");
    expect(planned.changes[0]).toMatchObject({ to: "'weaveworksdemos/front-end:hotfix'" });
    expect(planned.results).toContainEqual(
      expect.objectContaining({ workload: "sock-shop:deployment/cart", reason: "no-running-image" }),
    );
  });
  test("leaves alone what runs another image repository", async () => {
    const planned = await plan(shop, {
      spec,
      world: { running: world.running, live: { "sock-shop/cart": "example.com/else:1" } },
    });
    expect(planned.changes).toEqual([]);
  });
  test("knows nothing of what runs while the view is stale", async () => {
    const planned = await plan(shop, {
      spec,
      world: {
        running: world.running,
        view: { ageMs: 60_000n, complete: true },
        live: { "sock-shop/cart": "weaveworksdemos/cart:9" },
      },
    });
    expect(planned.changes).toEqual([]);
  });
});
