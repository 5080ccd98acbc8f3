import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Job, Problem } from "#common/contracts/http.ts";
import { errorCatalogue, type ErrorCode } from "#common/domain/errors.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { runCommandLine } from "#support/api.ts";

import {
  fileOf,
  hasSandboxWorld,
  imageOf,
  manifestOf,
  namespace,
  repository,
  startSandboxWorld,
  type SandboxWorld,
} from "./sandbox-world.ts";

const many = Array.from({ length: 10 }, (_, index) => `many-${index + 1}`);
const singles = [
  "first",
  "broken",
  "hooked",
  "moved",
  "plain",
  "registry",
  "git",
  "cluster",
  "redis",
  "lost",
];

/** One world for all: each test releases services of its own and mends what it cut. */
describe.runIf(hasSandboxWorld())("when something is wrong", () => {
  let world: SandboxWorld;

  beforeAll(async () => {
    world = await startSandboxWorld({ services: [...singles, ...many], workers: 2, rolloutDeadline: "3s" });
    const job = await release("first", "1.1.0");
    expect(await world.api.waitForJob(job.id)).toMatchObject({ phase: "succeeded" });
  });
  afterEach(() => world.mendAll());
  afterAll(async () => world?.stop());

  test("every process answers its operators: alive, ready, and with what it counted", async () => {
    const { operations } = world.installation;
    const names = ["api", "cluster-watcher", "registry-scanner", "release-worker-1", "release-worker-2"];
    expect([...operations.keys()].sort()).toEqual(names);
    const pages = await Promise.all(
      names.map(async (name) => {
        const get = (path: string) => fetch(`${operations.get(name)}${path}`);
        const [live, ready, metrics] = await Promise.all([get("/livez"), get("/readyz"), get("/metrics")]);
        expect([name, live.status, ready.status, metrics.status]).toEqual([name, 200, 200, 200]);
        return metrics.text();
      }),
    );
    const all = pages.join("\n");
    expect(all).toContain('slipway_http_requests_total{route="/v1/releases",status="202",service="api"} ');
    expect(all).toContain('slipway_jobs_finished_total{outcome="succeeded",service="release-worker"} 1');
    expect(all).toContain('slipway_git_pushes_total{answer="landed",service="release-worker"} 1');
    expect(all).toMatch(/slipway_job_wait_seconds_count\{service="release-worker"\} 1/);
    expect(all).toMatch(/slipway_step_duration_seconds_count\{[^}]*step="rollout"\} 1/);
    expect(all).toMatch(
      /slipway_grpc_client_calls_total\{method="slipway\.\S+",code="ok",service="release-worker"\}/,
    );
    expect(all).toMatch(/slipway_watch_age_seconds\{environment="\w+",service="cluster-watcher"\} \d/);
    expect(all).toContain('slipway_workers_alive{service="api"} 2');
    expect(all).toMatch(/process_resident_memory_bytes\{service="registry-scanner"\}/);
  });

  const release = (service: string, tag: string): Promise<Job> =>
    world.api.release({
      workloads: [`${namespace}/${service}`],
      images: { exact: [imageOf(service, tag)] },
    });
  /** The code of a refusal, whether the API gives it at once or the job ends with it. */
  const refusal = async (body: unknown): Promise<{ code: string; hint: string | null; where: string }> => {
    const answer = await world.api.ask<Problem & Job>("POST", "/v1/releases", { body });
    if (answer.status >= 400) {
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
      return { code: answer.body.code, hint: answer.body.hint ?? null, where: String(answer.status) };
    }
    const { phase, error } = await world.api.waitForJob(answer.body.id);
    return { code: error?.code ?? "", hint: error?.hint ?? null, where: phase };
  };
  const untilHealthy = async (job: Job): Promise<Job> => {
    const ended = await world.api.waitForJob(job.id, 90_000);
    expect(ended).toMatchObject({ phase: "succeeded", error: null });
    return ended;
  };

  describe("with the request", () => {
    test.each([
      {
        what: "an unknown workload",
        body: { workloads: ["shop/nobody"], images: "latest" },
        code: "WORKLOAD_NOT_FOUND",
      },
      {
        what: "an image that no chosen workload uses",
        body: { workloads: ["shop/plain"], images: { exact: [imageOf("first", "1.1.0")] } },
        code: "IMAGE_NOT_USED",
      },
      {
        what: "a tag that does not exist",
        body: { workloads: ["shop/plain"], images: { exact: [imageOf("plain", "9.9.9")] } },
        code: "IMAGE_NOT_FOUND",
      },
      {
        what: "an image reference that is none",
        body: { workloads: ["shop/plain"], images: { exact: ["registry.acme.example/UPPER case"] } },
        code: "IMAGE_REF_INVALID",
      },
      { what: "a body that is not the schema", body: { workloads: [] }, code: "INVALID_REQUEST" },
      {
        what: "an unknown environment",
        body: { environment: "moon", workloads: ["shop/plain"], images: "latest" },
        code: "ENVIRONMENT_NOT_FOUND",
      },
    ])("$what is refused by its code, and nothing is written", async ({ body, code }) => {
      const tip = await world.tip();
      expect(await refusal(body)).toMatchObject({ code });
      expect(await world.since(tip)).toEqual([]);
    });

    test("a body that is not JSON is refused by its code", async () => {
      const answer = await world.api.ask("POST", "/v1/releases", { rawBody: "{" });
      expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    });

    test("a workload that runs but is not in git is told apart from an unknown one", async () => {
      await world.cluster.applyManifests(manifestOf("stray"));
      const listed = async (): Promise<boolean> => {
        const { workloads } = await world.api.workloads("?namespace=shop&limit=200");
        return workloads.some((one) => one.name === "stray" && one.declared === null);
      };
      await pollUntil(listed, { everyMs: 50, timeoutMs: 20_000, what: "the stray workload" });
      const refused = await refusal({
        workloads: ["shop/stray"],
        images: { exact: [imageOf("stray", "1.1.0")] },
      });
      expect(refused).toMatchObject({ code: "WORKLOAD_NOT_DECLARED", hint: expect.stringMatching(/\S/) });
    });

    test("an unknown job is not found, and so is what is not there at all", async () => {
      const unknown = "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11";
      for (const path of ["", "/steps", "/events"]) {
        const answer = await world.api.ask("GET", `/v1/jobs/${unknown}${path}`);
        expect(answer).toMatchObject({ status: 404, body: { code: "JOB_NOT_FOUND" } });
      }
      expect(await world.api.ask("GET", "/v1/nothing")).toMatchObject({
        status: 404,
        body: { code: "NOT_FOUND" },
      });
    });

    test("an invalid token is refused everywhere but at the probes", async () => {
      for (const path of ["/v1/workloads", "/v1/jobs", "/v1/environments", "/v1/jobs/0c1d8e11"]) {
        const answer = await world.api.ask("GET", path, { token: "not-a-token" });
        expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
      }
      const answer = await world.api.ask("POST", "/v1/releases", { token: "not-a-token", body: {} });
      expect(answer.status).toBe(401);
    });
  });

  test("a broken image ends the job with the pod's reason and the way back, which works", async () => {
    const before = await world.git.readFile(repository, "main", fileOf("broken"));
    const job = await world.api.waitForJob((await release("broken", "broken")).id);
    expect(job).toMatchObject({ phase: "failed", outcome: "failed", error: { code: "ROLLOUT_FAILED" } });
    expect(job.error?.detail).toContain("ImagePullBackOff");
    expect(job.error?.hint).toContain(`slipway rollback ${job.id.slice(-8)}`);
    expect(job.results[0]).toMatchObject({ result: "failed" });
    const steps = await world.api.steps(job.id);
    expect(steps.at(-1)).toMatchObject({ outcome: "failed", detail: expect.stringContaining("ImagePull") });
    const shown = await runCommandLine(world.installation, ["job", job.id.slice(-8)]);
    expect(`${shown.stdout}${shown.stderr}`).toContain(`slipway rollback ${job.id.slice(-8)}`);
    await untilHealthy(await world.api.rollback(job.id));
    expect((await world.git.readFile(repository, "main", fileOf("broken"))).equals(before)).toBe(true);
  });

  test("a push that a hook refuses ends the job with the hook's words; the next release is not touched", async () => {
    const tip = await world.tip();
    await world.git.setHook(
      repository,
      "pre-receive",
      'echo "policy: a ticket number is missing" >&2; exit 1',
    );
    try {
      const job = await world.api.waitForJob((await release("hooked", "1.1.0")).id);
      expect(job).toMatchObject({ phase: "failed", commit: null, error: { code: "GIT_PUSH_REFUSED" } });
      expect(job.error?.detail).toContain("a ticket number is missing");
      expect(await world.since(tip)).toEqual([]);
    } finally {
      await world.git.setHook(repository, "pre-receive", undefined);
    }
    await untilHealthy(await release("hooked", "1.2.0"));
    expect(await world.since(tip)).toHaveLength(1);
  });

  test("when another person pushes in between, the release is planned again on top of theirs", async () => {
    const tip = await world.tip();
    let theirs = "";
    world.git.beforeNext("git-receive-pack", async () => {
      const readme = { "README.md": "Moved while a release was on its way.\n" };
      theirs = await world.git.commitDirectly(repository, readme, { branch: "main", message: "Say hello" });
    });
    const job = await untilHealthy(await release("moved", "1.1.0"));
    const commits = await world.since(tip);
    expect(commits.map((commit) => commit.sha)).toEqual([job.commit, theirs]);
    expect(commits[0]?.parents).toEqual([theirs]);
  });

  test("a manifest that does not parse is reported, and the others are released", async () => {
    const broken = { "deploy/torn.yaml": "kind: Deployment\n  metadata: {name: [\n" };
    await world.git.commitDirectly(repository, broken, { branch: "main", message: "Half a file" });
    await untilHealthy(await release("plain", "1.1.0"));
    const { age } = await world.api.workloads("?namespace=shop");
    expect(age.gitProblem).toContain("deploy/torn.yaml");
    const mended = { "deploy/torn.yaml": null };
    await world.git.commitDirectly(repository, mended, { branch: "main", message: "Take it back" });
    await untilHealthy(await release("plain", "1.2.0"));
    expect((await world.api.workloads("?namespace=shop")).age.gitProblem).toBeNull();
  });

  describe("with a peer", () => {
    test("an unreachable registry is told, and the release goes on when it is back", async () => {
      // A tag that nobody has read yet, so that the registry must be asked.
      world.registry.addImage("acme/registry", "2.0.0", { createdAt: new Date("2026-02-01T09:00:00Z") });
      await world.cables.registry.cut();
      const job = await release("registry", "2.0.0");
      await world.api.waitForJobThat(job.id, (seen) => isTold(seen, "REGISTRY_UNAVAILABLE"));
      await expectAlive(world);
      await world.cables.registry.mend();
      await untilHealthy(job);
    });

    test("an unreachable git host is told, and the release goes on when it is back", async () => {
      await world.cables.git.cut();
      const job = await release("git", "1.1.0");
      await world.api.waitForJobThat(job.id, (seen) => isTold(seen, "GIT_UNAVAILABLE"));
      await expectAlive(world);
      await world.cables.git.mend();
      await untilHealthy(job);
      const log = await world.git.log(repository, "main");
      expect(log.filter((commit) => commit.body.includes(job.id))).toHaveLength(1);
    });

    test("an unreachable cluster is told, and the release goes on when it is back", async () => {
      await world.cables.cluster.cut();
      const stale = async (): Promise<boolean> =>
        (await world.api.workloads("?namespace=shop")).age.clusterProblem !== null;
      await pollUntil(stale, { everyMs: 100, timeoutMs: 30_000, what: "the watcher notices" });
      const job = await release("cluster", "1.1.0");
      await world.api.waitForJobThat(job.id, (seen) => isTold(seen, "CLUSTER_UNAVAILABLE"));
      await expectAlive(world);
      await world.cables.cluster.mend();
      await untilHealthy(job);
    });

    test("a cluster that is lost after the push does not fail the rollout, however long it is away", async () => {
      const tip = await world.tip();
      world.git.beforeNext("git-receive-pack", async () => world.cables.cluster.cut());
      const job = await release("lost", "1.1.0");
      const waits = (seen: Job): boolean =>
        seen.phase === "rolling-out" && /cluster/.test(seen.waitingFor ?? "");
      await world.api.waitForJobThat(job.id, waits);
      await world.cables.cluster.mend();
      await untilHealthy(job);
      expect(await world.since(tip)).toHaveLength(1);
    });

    test("without Redis a release is accepted and ends well, only slower", async () => {
      world.git.beforeNext("git-receive-pack", async () => world.cables.redis.cut());
      const job = await untilHealthy(await release("redis", "1.1.0"));
      const next = await untilHealthy(await release("redis", "1.2.0"));
      await expectAlive(world);
      await world.cables.redis.mend();
      const log = await world.git.log(repository, "main");
      expect(log.slice(0, 2).map((commit) => commit.sha)).toEqual([next.commit, job.commit]);
    });
  });

  test("ten releases at once by two workers are ten commits in one line", async () => {
    const tip = await world.tip();
    const accepted = await Promise.all(many.map((service) => release(service, "1.1.0")));
    const ended = await Promise.all(accepted.map((job) => world.api.waitForJob(job.id, 90_000)));
    expect(ended.map((job) => job.phase)).toEqual(many.map(() => "succeeded"));
    const commits = await world.since(tip);
    expect(new Set(commits.map((commit) => commit.sha))).toEqual(new Set(ended.map((job) => job.commit)));
    expect(commits).toHaveLength(many.length);
    const parents = commits.map((commit) => commit.parents);
    expect(parents).toEqual([...commits.slice(1).map((commit) => [commit.sha]), [tip]]);
    for (const service of many) expect(await world.declared(service)).toBe(imageOf(service, "1.1.0"));
  });
});

/** Whether the job says that it waits for this. */
function isTold({ waitingFor }: Job, code: ErrorCode): boolean {
  return waitingFor?.includes(errorCatalogue[code].title) ?? false;
}

/** Every process is still there, and the API answers. */
async function expectAlive({ api, installation }: SandboxWorld): Promise<void> {
  expect(await api.ask("GET", "/livez")).toMatchObject({ status: 200 });
  expect(await api.jobs("?limit=1")).toHaveLength(1);
  for (const worker of installation.workers) expect(process.kill(worker.pid, 0)).toBe(true);
}
