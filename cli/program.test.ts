import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { job as jobSchema } from "#common/contracts/http.ts";
import type { Job } from "#common/contracts/http.ts";

import { runCli } from "./program.ts";
import { framesOf, frame, problem, startFakeApi } from "./testing/fake-api.ts";
import type { FakeApi, Routes } from "./testing/fake-api.ts";
import { createFakeIo, runSlipway } from "./testing/run.ts";
import type { RunOptions } from "./testing/run.ts";
import {
  aJob,
  aSkip,
  aStep,
  aSucceededJob,
  aWorkload,
  freshAge,
  frontEndTag,
  jobId,
  rollbackId,
  seedSteps,
  sockShop,
} from "./testing/seed.ts";

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

/** Runs within this process, its streams pipes, against a server that speaks the contract. */
async function slipway(args: readonly string[], routes: Routes = {}) {
  await api?.close();
  api = await startFakeApi(routes);
  const io = createFakeIo(args, { env: { SLIPWAY_URL: api.url, SLIPWAY_TOKEN: "t" } });
  const code = await runCli(io);
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");
  return { code, out: text(io.outLines), err: text(io.errLines), server: api };
}

/** As `slipway`, but the true program as a child process. */
async function slipwayProcess(args: readonly string[], routes: Routes = {}, options: RunOptions = {}) {
  await api?.close();
  api = await startFakeApi(routes);
  const env = { SLIPWAY_URL: api.url, SLIPWAY_TOKEN: "t" };
  return { ...(await runSlipway(args, { ...options, env })), server: api };
}

const ending = (job: Job): Routes => ({ followJob: () => ({ events: framesOf([], job) }) });

test("list-services prints services, workloads prints workloads, and names are bare", async () => {
  const services = await slipway(["list-services", "-n", "sock-shop"]);
  expect(services).toMatchObject({ code: 0, err: "" });
  expect(services.out.split("\n")[0]).toMatch(/^SERVICE +CONTAINER +IMAGE +RELEASE +POLICY$/);
  expect(services.server.asked[0]?.query.get("namespace")).toBe("sock-shop");
  const names = await slipway(["workloads", "-o", "name"]);
  expect(names.out).toBe(sockShop.map(({ name }) => `sock-shop/${name}\n`).join(""));
  const bare = await slipway(["list-workloads", "--no-headers"]);
  expect(bare.out.split("\n")[0]).toMatch(/^sock-shop\/cart /);
});

test("list-images answers in the shape of 2016 for the flags of 2016", async () => {
  const ran = await slipway(["list-images", "--service", "sock-shop/front-end", "--limit", "3"]);
  expect(ran.code).toBe(0);
  expect(ran.out.split("\n")).toEqual([
    "SERVICE              CONTAINER  IMAGE                                         CREATED",
    "sock-shop/front-end  front-end  weaveworksdemos/front-end",
    "                                |   7f511af2d21fd601b86b3bed7baa6adfa9c8c669  18 Nov 16 16:00 UTC",
    "                                |   latest                                    18 Nov 16 16:00 UTC",
    "                                |   snapshot                                  18 Nov 16 16:00 UTC",
    "                                :   (7 image(s) omitted)",
    "                                '-> 0.2.0                                     09 Nov 16 10:26 UTC",
    "",
  ]);
  const data = await slipway(["images", "front-end", "--limit", "1", "--refresh", "-o", "json"]);
  const [images] = (JSON.parse(data.out) as { images: { containers: { available: { tag: string }[] }[] }[] })
    .images;
  expect(images?.containers[0]?.available.map(({ tag }) => tag)).toEqual([frontEndTag, "0.2.0"]);
  const [asked] = data.server.of("listImages");
  expect(asked?.parameters).toEqual({
    environment: "default",
    namespace: "sock-shop",
    kind: "deployment",
    name: "front-end",
  });
  expect(asked?.query.get("refresh")).toBe("true");
});

test("a pipeline's release prints plain steps on stderr and the result on stdout", async () => {
  const image = `weaveworksdemos/front-end:${frontEndTag}`;
  const ran = await slipwayProcess(["release", "front-end", "--image", image, "-m", "why"]);
  expect(ran.code).toBe(0);
  expect(ran.out).toBe(
    `succeeded sock-shop/front-end front-end 0.2.0 -> ${frontEndTag} commit=3fa94c1 job=${jobId} took=2.3s\n`,
  );
  const lines = ran.err.trimEnd().split("\n");
  expect(lines).toHaveLength(12);
  expect(lines[8]).toBe(
    "2026-11-23T16:40:02Z 0c1d8e11 9 ok Pushed commit: Release latest images to sock-shop/front-end 3fa94c1",
  );
  const [asked] = ran.server.of("createRelease");
  expect(asked?.body).toEqual({
    workloads: ["sock-shop/front-end"],
    images: { exact: [image] },
    message: "why",
  });
  expect(asked?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
});

test("the story of a release reads as in 2016", async () => {
  const ran = await slipway([
    "release",
    "--service=sock-shop/front-end",
    "--update-all-images",
    "--format",
    "story",
  ]);
  expect(ran).toMatchObject({ code: 0, err: "" });
  const lines = ran.out.trimEnd().split("\n");
  expect(lines).toHaveLength(14);
  expect(lines.slice(0, 3)).toEqual([
    `Release job submitted, ID ${jobId}`,
    " 1. Submitted job.",
    " 2. Calculating release actions.",
  ]);
  expect(lines.slice(-2)).toEqual([
    "12. sock-shop/front-end is healthy.",
    "Succeeded in 2.3 s: commit 3fa94c1, 2 lines of deploy/front-end.yaml (image, version label).",
  ]);
});

test("-o json prints the job alone, -o name its id", async () => {
  const json = await slipway(["release", "front-end", "--latest", "-o", "json"]);
  expect(jobSchema.parse(JSON.parse(json.out)).phase).toBe("succeeded");
  const name = await slipway(["release", "front-end", "--latest", "--no-wait", "-o", "name"]);
  expect(name).toMatchObject({ code: 0, out: `${jobId}\n`, err: "" });
  expect(name.server.of("followJob")).toHaveLength(0);
});

test("a release that is not exactly one thing is a usage error and asks nothing of the server", async () => {
  const wrong = [
    ["release", "front-end"],
    ["release", "front-end", "--latest", "-i", "x:1"],
    ["release", "--latest"],
    ["release", "front-end", "--all", "--latest"],
    ["release", "front-end", "--latest", "--timeout", "soon"],
    ["release", "front-end", "-i", ""],
    ["jobs", "--phase", "done"],
    ["job"],
    ["job", "xyz"],
    ["no-such-verb"],
    ["workloads", "-o", "xml"],
    ["workloads", "-n", "a", "-a"],
  ];
  for (const args of wrong) {
    const ran = await slipway(args);
    expect({ args, code: ran.code, out: ran.out }).toEqual({ args, code: 2, out: "" });
    expect(ran.err).not.toBe("");
    expect(ran.server.asked).toEqual([]);
  }
  expect(await slipwayProcess(["release", "front-end"])).toMatchObject({ code: 2, out: "" });
});

test("an ambiguous name lists its candidates, an unknown one what is near", async () => {
  const twice = [...sockShop, aWorkload("front-end", "x:1", { namespace: "staging" })];
  const routes: Routes = {
    listWorkloads: () => ({ json: { workloads: twice, age: freshAge, next: null } }),
  };
  const ambiguous = await slipway(["release", "front-end", "--latest"], routes);
  expect(ambiguous.code).toBe(2);
  expect(ambiguous.err).toContain("  sock-shop:deployment/front-end\n  staging:deployment/front-end\n");
  const named = await slipway(["release", "front-end", "--latest", "-n", "staging"], routes);
  expect(named.server.of("createRelease")[0]?.body).toMatchObject({ workloads: ["staging/front-end"] });
  const unknown = await slipway(["images", "fornt-end", "-n", "sock-shop"]);
  expect(unknown.code).toBe(2);
  expect(unknown.err).toContain("did you mean sock-shop/front-end?");
});

test("--all of a namespace names its workloads and excludes what was said", async () => {
  const routes: Routes = {
    listWorkloads: () => ({
      json: {
        workloads: [...sockShop, aWorkload("stray", "x:1", { declared: null })],
        age: freshAge,
        next: null,
      },
    }),
  };
  const some = await slipway(
    ["release", "--all", "-n", "sock-shop", "--exclude", "cart", "--latest"],
    routes,
  );
  expect(some.server.of("createRelease")[0]?.body).toMatchObject({
    workloads: sockShop.map(({ id }) => id),
    exclude: ["sock-shop/cart"],
  });
  const all = await slipway(["release", "--all", "--latest"], routes);
  expect(all.server.of("createRelease")[0]?.body).toEqual({ all: true, images: { select: "latest" } });
});

test("a dry run shows plan and diff and starts nothing", async () => {
  const ran = await slipway(["release", "front-end", "--latest", "--dry-run"]);
  expect(ran.code).toBe(0);
  expect(ran.out).toContain("0.2.0 -> 7f511af2…  newest of 9 eligible");
  expect(ran.out).toContain("\n+        image: weaveworksdemos/front-end:");
  expect(ran.server.of("createRelease").map(({ body }) => body)).toMatchObject([{ dryRun: true }]);
});

test("the exit code is the job's outcome", async () => {
  const error = { code: "ROLLOUT_FAILED", title: "The rollout failed", detail: "x", hint: null };
  const outcomes: readonly (readonly [Partial<Job>, number])[] = [
    [{ outcome: "nothing-to-do", commit: null, results: [aSkip("front-end", "up-to-date")] }, 0],
    [{ phase: "failed", outcome: "failed", error }, 1],
    [{ phase: "rolled-back", outcome: "rolled-back" }, 3],
    [{ phase: "cancelled", outcome: "cancelled" }, 5],
    [{ phase: "superseded", outcome: "superseded" }, 5],
  ];
  for (const [more, code] of outcomes) {
    const ran = await slipwayProcess(["release", "front-end", "--latest"], ending(aSucceededJob(more)));
    expect(ran.code).toBe(code);
    expect(ran.out.split(" ")[0]).toBe(more.outcome);
    expect(ran.out.trimEnd().split("\n")).toHaveLength(1);
    if (more.error) expect(ran.err).toContain("  The rollout failed: x (ROLLOUT_FAILED)\n");
  }
});

const endless: Routes = {
  followJob: () => ({
    events: [
      frame("job", aJob({ waitingFor: "approval by shop-leads" }), 1),
      frame("step", aStep(1, "Submitted job."), 2),
    ],
    keepOpen: true,
  }),
};

test("a job that is not over at --timeout goes on: exit 4, and how to come back", async () => {
  const ran = await slipwayProcess(["release", "front-end", "--latest", "--timeout", "1s"], endless);
  expect(ran).toMatchObject({ code: 4, out: "" });
  expect(ran.err).toContain("0c1d8e11 - .. waiting: approval by shop-leads\n");
  expect(ran.err).toMatch(/Not over yet\. The job goes on: slipway job 0c1d8e11 -w\n$/);
});

test("Ctrl-C detaches and says so", async () => {
  const ran = await slipwayProcess(["release", "front-end", "--latest"], endless, {
    onErr: (text, kill) => {
      if (text.includes("Submitted job.") && !text.includes("Detached")) kill("SIGINT");
    },
  });
  expect(ran.code).toBe(4);
  expect(ran.err).toMatch(/Detached\. The job goes on: slipway job 0c1d8e11 -w\n$/);
});

test("a server that is away or refuses is exit 6 and says what to do", async () => {
  const away = await runSlipway(["workloads", "--url", "http://127.0.0.1:9", "--token", "t"]);
  expect(away).toMatchObject({ code: 6, out: "" });
  expect(away.err).toMatch(/cannot be reached.*\n.*--url/);
  const refused = await slipway(["release", "front-end", "--latest"], {
    createRelease: () =>
      problem(403, "ENVIRONMENT_OBSERVED", { detail: "default is observed", hint: "set mode" }),
  });
  expect(refused.code).toBe(6);
  expect(refused.err).toContain("default is observed\n  set mode\n  (ENVIRONMENT_OBSERVED)");
  const cwd = await mkdtemp(join(tmpdir(), "slipway-nowhere-"));
  const nowhere = await runSlipway(["workloads"], { cwd });
  expect(nowhere.code).toBe(2);
  expect(nowhere.err).toMatch(/--url.*SLIPWAY_URL.*npm run demo/s);
  await rm(cwd, { recursive: true });
});

test("a living demo is found from a directory below it", async () => {
  api = await startFakeApi();
  const root = await mkdtemp(join(tmpdir(), "slipway-demo-"));
  await mkdir(join(root, ".slipway"));
  await mkdir(join(root, "below"));
  const demo = { url: api.url, token: "demo-token", pid: process.pid };
  await writeFile(join(root, ".slipway", "demo-1.json"), JSON.stringify(demo));
  const ran = await runSlipway(["environments"], { cwd: join(root, "below") });
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(api.asked[0]?.headers["authorization"]).toBe("Bearer demo-token");
  await rm(root, { recursive: true });
});

test("a rollback is taken by the job's last eight digits and waited for", async () => {
  const back = aSucceededJob({
    id: rollbackId,
    kind: "rollback",
    rollback: { of: jobId, by: null, byCommit: null },
  });
  const ran = await slipway(["rollback", "0c1d8e11", "-m", "500s"], {
    getJob: ({ parameters }) =>
      parameters["id"] === "0c1d8e11" ? problem(404, "JOB_NOT_FOUND") : { json: aSucceededJob() },
    rollbackJob: () => ({ status: 202, json: aJob({ id: rollbackId, kind: "rollback" }) }),
    followJob: () => ({ events: framesOf(seedSteps, back) }),
  });
  expect(ran.code).toBe(0);
  expect(ran.server.of("rollbackJob")).toMatchObject([
    { parameters: { id: jobId }, body: { message: "500s" } },
  ]);
  expect(ran.out).toContain(`job=${rollbackId}`);
  const story = await slipway(["rollback", jobId, "--format", "story"], {
    rollbackJob: () => ({ status: 202, json: aJob({ id: rollbackId, kind: "rollback" }) }),
    followJob: () => ({ events: framesOf(seedSteps, back) }),
  });
  expect(story.out).toBe(`sock-shop/front-end  0.2.0 -> 7f511af2…, healthy in 2.3 s, commit 3fa94c1\n`);
  const unknown = await slipway(["rollback", "ffffffff"], { getJob: () => problem(404, "JOB_NOT_FOUND") });
  expect(unknown.code).toBe(2);
});

test("end gives a job up, after asking a person who did not say -y", async () => {
  const unknown = aJob({ phase: "failed", outcome: "outcome-unknown" });
  const routes: Routes = { endJob: () => ({ json: unknown }), getJob: () => ({ json: aJob() }) };
  const piped = await slipway(["end", jobId, "-m", "the host is gone"], routes);
  expect(piped).toMatchObject({ code: 0, out: `ended job=${jobId} outcome=outcome-unknown\n` });
  expect(piped.server.of("endJob")).toMatchObject([
    { parameters: { id: jobId }, body: { message: "the host is gone" } },
  ]);
  const early = await slipway(["end", jobId], {
    ...routes,
    endJob: () => problem(409, "JOB_NOT_ENDABLE", { hint: "wait until 17:10 UTC" }),
  });
  expect(early.code).toBe(6);
  expect(early.err).toContain("wait until 17:10 UTC");
  await api?.close();
  api = await startFakeApi(routes);
  const env = { SLIPWAY_URL: api.url };
  for (const [answer, code, asked] of [
    ["n", 5, 0],
    ["y", 0, 1],
  ] as const) {
    const io = createFakeIo(["end", jobId], { env, interactive: true, answers: [answer] });
    expect(await runCli(io)).toBe(code);
    expect(io.questions).toEqual(["End 0c1d8e11, its outcome unknown? [y/N] "]);
    expect(io.errLines.join("\n")).toContain("Git may still hold or receive its commit");
    expect(api.of("endJob")).toHaveLength(asked);
  }
  expect((await slipway(["end", "--help"])).out).toMatch(/Git\s+may\s+still\s+hold\s+or\s+receive/);
});

test("job, jobs, cancel, environments and version answer", async () => {
  const job = await slipway(["job", "0c1d8e11"]);
  expect(job.out).toContain("Job 0c1d8e11  Release latest images to sock-shop/front-end\n");
  expect(job.out.match(/✔/g)).toHaveLength(12);
  const watched = await slipway(
    ["job", jobId, "-w"],
    ending(aSucceededJob({ phase: "failed", outcome: "failed" })),
  );
  expect(watched.code).toBe(1);
  const jobs = await slipway(["jobs", "--workload", "cart", "--since", "24h", "--limit", "5"]);
  expect(jobs.out).toMatch(/^JOB +CREATED +PHASE +BY +WHAT\n0c1d8e11 /);
  const { query } = jobs.server.of("listJobs")[0]!;
  expect([query.get("workload"), query.get("limit"), query.get("since")]).toEqual([
    "sock-shop/cart",
    "5",
    expect.stringMatching(/^\d{4}-.*Z$/),
  ]);
  const cancelled = await slipway(["cancel", jobId], {
    cancelJob: () => ({ json: aJob({ phase: "cancelled", outcome: "cancelled" }) }),
  });
  expect(cancelled).toMatchObject({ code: 0, out: `cancelled job=${jobId}\n` });
  const environments = await slipway(["environments", "-o", "yaml"]);
  expect(environments.out).toContain("environments:\n  - name: default\n    mode: apply\n");
  const version = await slipway(["version"]);
  expect(version.out).toMatch(/^slipway \d+\.\d+\.\d+\nserver 0\.1\.0 at http:/);
});

test("help is an answer, with examples, on stdout", async () => {
  for (const args of [["--help"], ["release", "--help"], ["images", "-h"]]) {
    const ran = await slipway(args);
    expect({ code: ran.code, err: ran.err }).toEqual({ code: 0, err: "" });
    expect(ran.out).toContain("slipway release ".slice(0, 8));
  }
  expect((await slipway(["help", "release"])).out).toContain("slipway release front-end --latest -y");
});

test("slipway alone shows which server it would speak to, and what to begin with", async () => {
  const ran = await slipway([]);
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).toContain(`Server   ${ran.server.url}  (from SLIPWAY_URL)`);
  expect(ran.out).toContain("slipway release front-end");
  const io = createFakeIo([]);
  expect(await runCli(io)).toBe(0);
  expect(io.outLines.join("\n")).toMatch(/Server {3}none yet[^]*slipway login/);
});

test("a verb or a flag that is nearly one is named", async () => {
  const verb = await slipway(["relase", "front-end"]);
  expect(verb).toMatchObject({ code: 2, out: "" });
  expect(verb.err).toContain("slipway: unknown command 'relase'\n(Did you mean release?)");
  const flag = await slipway(["release", "front-end", "--latst"]);
  expect(flag).toMatchObject({ code: 2, out: "" });
  expect(flag.err).toContain("slipway: unknown option '--latst'\n(Did you mean --latest?)");
});
