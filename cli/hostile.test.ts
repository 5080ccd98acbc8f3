import { afterEach, expect, test } from "vitest";

import { runCli } from "./program.ts";
import { framesOf, problem, startFakeApi } from "./testing/fake-api.ts";
import type { FakeApi, Routes } from "./testing/fake-api.ts";
import { aCheck } from "./testing/checked.ts";
import { createFakeIo } from "./testing/run.ts";
import {
  aJob,
  aPlan,
  aSucceededJob,
  anEnvironment,
  freshAge,
  frontEndHistory,
  frontEndImages,
  jobId,
  seedSteps,
  sockShop,
} from "./testing/seed.ts";

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

const poison = "\u001b]0;owned\u0007\u009b2J\u202e\r";
/** Words the program itself acts on; everything else a server says may be hostile. */
const kept = new Set([
  "id",
  "kind",
  "phase",
  "state",
  "result",
  "mode",
  "namespace",
  "name",
  "environment",
  "unified",
]);

function poisoned<T>(value: T, key = ""): T {
  if (typeof value === "string") {
    const isTime = /^\d{4}-\d\d-\d\dT/.test(value);
    return (kept.has(key) || isTime ? value : `${value}${poison}`) as T;
  }
  if (Array.isArray(value)) return value.map((entry: unknown) => poisoned(entry, key)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, poisoned(entry as unknown, name)]),
  ) as T;
}

const error = { code: "ROLLOUT_FAILED", title: "t", detail: "d", hint: "h" };
const failed = poisoned(aSucceededJob({ phase: "failed", outcome: "failed", message: "m", error }));
const plan = {
  ...poisoned(aPlan),
  diffs: aPlan.diffs.map((diff) => ({ ...diff, unified: `${diff.unified}+${poison}\n` })),
};
const age = poisoned({ ...freshAge, clusterProblem: "down", gitProblem: "gone" });

const poisonedCheck = aCheck({
  git: { ...aCheck().git, push: { ok: false, code: "C", detail: "d", hint: "h" }, level: null },
  match: {
    live: 1,
    declared: 0,
    matched: 0,
    notInGit: [{ workload: "a:deployment/b", reason: "r" }],
    notLive: [],
  },
  warnings: ["w"],
});

const hostile: Routes = {
  readyz: () => ({ json: { ready: true, failing: [], dependencies: { [`x${poison}`]: poison } } }),
  listAllImages: () => ({ json: { images: [poisoned(frontEndImages())], age, next: null } }),
  openapi: () => ({ json: { info: { version: poison } } }),
  listEnvironments: () => ({ json: { environments: [poisoned(anEnvironment)] } }),
  checkEnvironment: () => ({ json: poisoned(poisonedCheck) }),
  listWorkloads: () => ({ json: { workloads: sockShop.map((one) => poisoned(one)), age, next: null } }),
  listImages: () => ({ json: poisoned(frontEndImages()) }),
  workloadHistory: () => ({ json: poisoned(frontEndHistory) }),
  createRelease: ({ body }) =>
    (body as { dryRun?: boolean }).dryRun === true
      ? { json: plan }
      : { status: 202, json: poisoned(aJob({ waitingFor: "w" })) },
  rollbackJob: () => ({ status: 202, json: poisoned(aJob({ kind: "rollback" })) }),
  cancelJob: () => ({ json: failed }),
  endJob: () => ({ json: failed }),
  getJob: () => ({ json: failed }),
  listJobs: () => ({ json: { jobs: [failed], next: null } }),
  listSteps: ({ query }) => ({
    json: { steps: query.get("after") === "0" ? seedSteps.map((step) => poisoned(step)) : [], next: 12 },
  }),
  followJob: () => ({
    events: framesOf(
      seedSteps.map((step) => poisoned(step)),
      failed,
    ),
  }),
};

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;
// oxlint-disable-next-line no-control-regex -- as above
const cursorMoves = /\u001b\[\d+A\u001b\[0J/g;

const verbs = [
  ["workloads", "-o", "wide"],
  ["workloads", "-o", "json"],
  ["workloads", "-o", "yaml"],
  ["images", "front-end"],
  ["images", "front-end", "-o", "name"],
  ["history", "front-end"],
  ["environment", "list", "-o", "wide"],
  ["environment", "check"],
  ["jobs", "-o", "wide"],
  ["job", jobId],
  ["job", jobId, "-o", "yaml"],
  ["cancel", jobId],
  ["end", jobId, "-y"],
  ["rollback", jobId],
  ["rollback", jobId, "--format", "story"],
  ["release", "front-end", "--latest", "-y"],
  ["release", "front-end", "--latest", "--format", "story"],
  ["release", "front-end", "--latest", "--dry-run"],
  ["release", "--interactive"],
  ["doctor"],
  ["doctor", "-o", "yaml"],
  ["__complete", "fish", "slipway release "],
  ["version"],
];

test("no verb prints a control character of the server's, in a pipe or on a terminal", async () => {
  api = await startFakeApi(hostile);
  const env = { SLIPWAY_URL: api.url };
  for (const args of verbs) {
    for (const terminal of [false, true]) {
      const person = { interactive: terminal, live: terminal, outIsTerminal: terminal };
      const io = createFakeIo(args, { env, ...person, answers: ["y"], pressed: ["space", "return"] });
      await runCli(io);
      const text = [...io.outLines, ...io.errLines, io.screen()].join("\n");
      // The live view moves the cursor itself, by these two alone.
      const rest = text.replaceAll(cursorMoves, "");
      expect({ args, found: steering.exec(rest)?.[0] }).toEqual({ args });
      // Names that could steer are not even offered to a shell.
      if (args[0] !== "__complete") expect(text.length).toBeGreaterThan(5);
    }
  }
});

test("nor does a refusal", async () => {
  const words = { detail: poison, hint: poison, requestId: poison, facts: { candidates: [poison] } };
  api = await startFakeApi({ listEnvironments: () => problem(400, `X${poison}`, words) });
  const io = createFakeIo(["environments"], { env: { SLIPWAY_URL: api.url } });
  expect(await runCli(io)).toBe(2);
  expect(io.errLines.join("")).not.toMatch(steering);
});
