import { describe, expect, test } from "vitest";

import type { JobRow, RolloutTarget } from "#common/store/schema.ts";
import { OwnerKind, Rollout, RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import type { EnvironmentContext } from "./environment-context.ts";
import type { ContainingCommit, OwnerAnswer } from "./hand-off-desk.ts";
import { judgeHandedOff } from "./hand-off.ts";

const commit = "3fa94c1".padEnd(40, "0");
const flux = { kind: "flux", objectKind: "Kustomization", namespace: "flux-system", name: "apps" } as const;
const name = "Flux kustomization flux-system/apps";
const contained: ContainingCommit = { kind: "contained", commit };

const handed: RolloutTarget = {
  workload: "shop:deployment/web",
  path: "web.yaml",
  images: { web: "web:2" },
  applied: true,
  uid: null,
  generation: null,
  verdict: "pending",
  reason: null,
  spentMs: 5_000,
  handedOff: flux,
};
const late = { ...handed, spentMs: 10_000 };

const phases = {
  progressing: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
  complete: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
  failed: RolloutPhase.ROLLOUT_PHASE_FAILED,
};

/** What the watcher shows: healthy with our image at generation 7, unless said otherwise. */
function aSight(o: { image?: string; phase?: keyof typeof phases; uid?: string; generation?: bigint } = {}) {
  const { image = "docker.io/library/web:2", phase = "complete", uid = "uid-1", generation = 7n } = o;
  return Workload.fromPartial({
    namespace: "shop",
    kind: "deployment",
    name: "web",
    uid,
    generation,
    observedGeneration: generation,
    containers: [{ name: "web", image }],
    rollout: Rollout.fromPartial({ phase: phases[phase], desired: 3, updated: 2, reason: "Slow" }),
    owner: { ...flux, kind: OwnerKind.OWNER_KIND_FLUX },
  });
}

interface World {
  readonly seen?: Workload | undefined;
  readonly says?: { readonly ready?: boolean; readonly suspended?: boolean; readonly message?: string };
  readonly answer?: OwnerAnswer;
  readonly containing?: ContainingCommit;
  /** What the API server has now; undefined: nothing. */
  readonly live?: { readonly uid: string; readonly generation: number } | undefined;
  /** The image that git declares at the owner's revision. */
  readonly declared?: string;
}

async function judge(target: RolloutTarget, world: World = {}) {
  const told = {
    found: true,
    namespace: "flux-system",
    name: "apps",
    appliedRevision: `main@sha1:${commit}`,
  };
  const says = { ready: true, suspended: false, message: "", ...world.says };
  const live = "live" in world ? world.live : { uid: "uid-1", generation: 7 };
  const id = { namespace: "shop", kind: "deployment", name: "web" };
  const declared = [{ id, containers: [{ name: "web", image: world.declared ?? "web:2" }] }];
  const context = {
    environment: { name: "default", rolloutDeadline: 10_000 },
    view: { get: () => ("seen" in world ? world.seen : aSight()) },
    clocks: new Map(),
    handOffs: {
      ask: async () => world.answer ?? { kind: "told", told: { ...told, ...says } },
      containing: async () => world.containing ?? contained,
    },
    deps: {
      kubeOf: async () => ({
        objectPath: async () => "/web",
        request: async () =>
          live === undefined
            ? { status: 404 }
            : { status: 200, body: { metadata: { name: "web", ...live } } },
      }),
      tipsOf: () => ({ read: async () => ({ declared: () => declared }) }),
    },
  } as unknown as EnvironmentContext;
  return judgeHandedOff(context, { id: "job-1", commit_sha: commit } as JobRow, target);
}

describe("a handed-off workload", () => {
  test("is good once its owner applied the commit and is ready, and it runs our images after that", async () => {
    expect(await judge(handed)).toEqual({
      target: {
        ...handed,
        uid: "uid-1",
        generation: 7,
        spentMs: 0,
        verdict: "good",
        reason: `applied by ${name} at 3fa94c1`,
      },
      progress: undefined,
    });
  });

  test("is not judged by a sight from before the owner's apply, be it as we want it", async () => {
    const { target, progress } = await judge(handed, { live: { uid: "uid-1", generation: 8 } });
    expect(target).toMatchObject({ verdict: "pending", uid: "uid-1", generation: 8 });
    expect(progress).toBe("waiting to be seen");
    const anew = await judge(handed, { live: { uid: "uid-2", generation: 1 } });
    expect(anew).toMatchObject({
      target: { verdict: "pending", uid: "uid-2" },
      progress: "waiting to be seen",
    });
  });

  test("waits while the commit is not applied, whatever image it runs", async () => {
    const told = await judge(handed, { containing: { kind: "not-contained" } });
    expect(told).toMatchObject({ target: { verdict: "pending", uid: null, spentMs: 5_000 } });
    expect(told.progress).toMatch(/^waiting for Flux kustomization flux-system\/apps \(at /);
    expect(told.waitsFor).toMatch(/^Flux kustomization/);
  });

  test("is not picked up when the deadline passes, and nothing is said against the image", async () => {
    const { target } = await judge(late, {
      containing: { kind: "not-contained" },
      says: { suspended: true },
    });
    expect(target).toMatchObject({
      verdict: "bad",
      reason: `not-picked-up: ${name} is suspended`,
      handedOff: { ...flux, inVain: "not-picked-up" },
    });
  });

  test("without an owner waits, and is not picked up in the end", async () => {
    const seen = { ...aSight(), owner: undefined };
    expect((await judge(handed, { seen })).progress).toMatch(/^nobody applies it/);
    expect((await judge(late, { seen })).target).toMatchObject({
      verdict: "bad",
      reason: expect.stringMatching(/^not-picked-up: nobody applies it/) as string,
      handedOff: { kind: "none", inVain: "not-picked-up" },
    });
  });

  test.each<[string, World]>([
    ["its owner cannot be asked", { answer: { kind: "unknown", why: "away" } }],
    ["git cannot be asked", { containing: { kind: "unknown", why: "away" } }],
  ])("has no verdict while %s, past any deadline", async (_what, world) => {
    const told = await judge(late, world);
    expect(told).toMatchObject({ target: { verdict: "pending" }, progress: `${name} cannot be seen: away` });
  });

  test("counts its time anew once its owner applied it, and not with each sight", async () => {
    const seen = aSight({ phase: "progressing" });
    const { target } = await judge(late, { seen });
    expect(target).toMatchObject({ verdict: "pending", spentMs: 0 });
    const later = await judge({ ...target, spentMs: 4_000 }, { seen });
    expect(later.target).toMatchObject({ verdict: "pending", spentMs: 4_000 });
    const anew = {
      live: { uid: "uid-2", generation: 1 },
      seen: aSight({ uid: "uid-2", phase: "progressing" }),
    };
    expect((await judge({ ...target, spentMs: 4_000 }, anew)).target).toMatchObject({
      uid: "uid-2",
      spentMs: 4_000,
    });
  });

  test("that fails after the apply is an ordinary failure", async () => {
    const { target } = await judge(handed, { seen: aSight({ phase: "failed" }), says: { ready: false } });
    expect(target).toMatchObject({ verdict: "bad", reason: "Slow" });
    expect(target.handedOff).toEqual(flux);
  });

  test("that is healthy waits for its owner to be ready, and is not undone if it never is", async () => {
    const says = { ready: false, message: "another one is not healthy" };
    const waiting = await judge(handed, { says });
    expect(waiting.progress).toBe(`waiting for ${name} to be ready: another one is not healthy`);
    const applied = { ...waiting.target, spentMs: 10_000 };
    expect((await judge(applied, { says })).target).toMatchObject({
      verdict: "bad",
      reason: `${name} applied it and is not ready: another one is not healthy`,
      handedOff: { inVain: "owner-not-ready" },
    });
  });

  test("that the owner removed is waited for, and said to be gone in the end", async () => {
    const gone = { seen: undefined, live: undefined };
    expect((await judge(handed, gone)).progress).toMatch(/and it is not in the cluster$/);
    expect((await judge(late, gone)).target.reason).toMatch(/^not-picked-up: .*not in the cluster$/);
  });

  test("with other images is superseded where git declares them by now", async () => {
    const { target } = await judge(handed, { seen: aSight({ image: "web:3" }), declared: "web:3" });
    expect(target).toMatchObject({
      verdict: "superseded",
      reason: "superseded: 3fa94c1 declares other images",
    });
  });

  test("with other images than git declares is waited for: somebody overrides them", async () => {
    const other = { seen: aSight({ image: "web:3" }) };
    const { target, progress } = await judge(handed, other);
    expect(progress).toBe(`${name} applied 3fa94c1, and the cluster holds other images: web:3`);
    expect((await judge({ ...target, spentMs: 10_000 }, other)).target).toMatchObject({
      verdict: "bad",
      handedOff: { inVain: "not-picked-up" },
    });
  });
});
