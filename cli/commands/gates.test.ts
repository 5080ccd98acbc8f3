import { expect, test } from "vitest";

import type { Freeze } from "#common/contracts/gates.ts";

import type { Routes } from "../testing/fake-api.ts";
import { frame, problem } from "../testing/fake-api.ts";
import { aJob, anEnvironment, aStep, aWorkload, freshAge, jobId } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

/** Stopping releases and letting them go. */

const slipway = createTyped();

const frozen: Freeze = {
  environment: "default",
  namespace: null,
  reason: "incident 42",
  by: "alice",
  since: "2026-11-25T20:00:00.000Z",
  until: null,
};
const line = "default is frozen until it is lifted: incident 42 (alice, 25 Nov 26 20:00 UTC)";
const setFreeze: Routes["setFreeze"] = ({ body }) => {
  const { reason, namespace = null, until = null } = body as Partial<Freeze>;
  return { json: { freeze: { ...frozen, reason, namespace, until }, underWay: [jobId] } };
};

test("a freeze is set with its reason, and what goes on is named", async () => {
  const set = await slipway(["freeze", "-m", "incident 42"], { setFreeze });
  expect(set.code).toBe(0);
  expect(set.server.of("setFreeze")).toMatchObject([
    { parameters: { environment: "default" }, body: { reason: "incident 42" } },
  ]);
  expect(set.out).toBe(`${line}\n1 job(s) had been pushed already and go on to their end: 0c1d8e11`);
});

test("a freeze has an environment, a namespace and an end", async () => {
  const args = ["freeze", "production", "-n", "payment", "-m", "sale", "--until", "2026-12-01T07:00+01:00"];
  const set = await slipway(args, { setFreeze });
  expect(set.server.of("setFreeze")).toMatchObject([
    {
      parameters: { environment: "production" },
      body: { reason: "sale", namespace: "payment", until: "2026-12-01T06:00:00.000Z" },
    },
  ]);
  expect(set.server.of("listEnvironments")).toEqual([]);
  expect(set.err).toBe("");
  const listWorkloads: Routes["listWorkloads"] = () => ({
    json: { workloads: [], age: freshAge, next: null },
  });
  const unknown = await slipway(args, { setFreeze, listWorkloads });
  expect(unknown.code).toBe(0);
  expect(unknown.err).toBe('Note: no workload of a namespace "payment" is known in production');
});

test.each([
  [["freeze", "default"], "--message"],
  [["freeze", "default", "-m", " "], "says why"],
  [["freeze", "default", "-m", "x", "--until", "2026-12-01T06:00"], "has no time zone"],
  [["freeze", "default", "-m", "x", "--until", "tomorrow"], "is no time"],
  [["release", "front-end", "--latest", "--at", "2026-13-01T06:00Z"], "no such time as"],
])("%j is a mistake, which is told", async (args, why) => {
  const ran = await slipway(args, { setFreeze });
  expect(ran.code).toBe(2);
  expect(ran.err).toContain(why);
  expect(ran.server.of("setFreeze")).toEqual([]);
});

test("where several environments exist a freeze asks which is meant", async () => {
  const listEnvironments: Routes["listEnvironments"] = () => ({
    json: { environments: [anEnvironment, { ...anEnvironment, name: "production" }] },
  });
  const ran = await slipway(["freeze", "-m", "x"], { setFreeze, listEnvironments });
  expect(ran.code).toBe(2);
  expect(ran.err).toContain("default, production");
});

test("a freeze is lifted, or there is none", async () => {
  const lifted = await slipway(["unfreeze", "-n", "payment"], {
    liftFreeze: () => ({ json: { ...frozen, namespace: "payment" } }),
  });
  expect(lifted.server.of("liftFreeze")[0]?.query.get("namespace")).toBe("payment");
  expect(lifted.out).toBe("the freeze of payment in default is lifted: incident 42");
  const none = await slipway(["unfreeze"], { liftFreeze: () => problem(404, "FREEZE_NOT_FOUND") });
  expect(none.code).toBe(2);
});

test("lists of environments and workloads tell what is frozen or closed, and why", async () => {
  const windows = [
    { open: false, until: "2026-11-26T08:00:00.000Z", reason: null, namespaces: null },
    { open: false, until: null, reason: "closed for good", namespaces: ["team-*"] },
    { open: true, until: null, reason: null, namespaces: ["shop"] },
  ];
  const environments = await slipway(["environments"], {
    listEnvironments: () => ({ json: { environments: [{ ...anEnvironment, freezes: [frozen], windows }] } }),
  });
  expect(environments.err.split("\n")).toEqual([
    `Note: ${line}`,
    "Note: default is outside its windows until 26 Nov 26 08:00 UTC",
    "Note: team-* in default is outside its windows and no window opens within a year: closed for good",
  ]);
  const { namespace, reason, by, since, until } = frozen;
  const freeze = { namespace, reason, by, since, until };
  const workloads = [aWorkload("cart", "cart:1", { freeze, policies: ["locked"] })];
  const listed = await slipway(["workloads"], {
    listWorkloads: () => ({ json: { workloads, age: freshAge, next: null } }),
  });
  expect(listed.out).toContain("locked,frozen");
  expect(listed.err).toBe(`Note: ${line}`);
});

const results = [
  {
    workload: "sock-shop:deployment/front-end",
    container: "front-end",
    from: "weaveworksdemos/front-end:0.2.0",
    to: "weaveworksdemos/front-end:0.3.0",
    result: "change" as const,
    reason: null,
    detail: null,
    file: "deploy/front-end.yaml",
  },
];
const asked = aJob({
  phase: "waiting",
  gate: "approval",
  waitingFor: "approval by an approver, until 26 Nov 26 20:00 UTC",
  waitingUntil: "2026-11-26T20:00:00.000Z",
  planHash: "plan-1",
  results,
});

test("an approval names the plan that was read; a terminal shows it and asks", async () => {
  const routes: Routes = { getJob: () => ({ json: asked }), approveJob: () => ({ json: asked }) };
  const piped = await slipway(["approve", jobId, "-m", "tested"], routes);
  expect(piped.code).toBe(0);
  expect(piped.server.of("approveJob")[0]?.body).toEqual({ comment: "tested", plan: "plan-1" });
  expect(piped.out).toContain(`approved job=${jobId}`);
  const no = await slipway(["approve", jobId], routes, { interactive: true, answers: ["n"] });
  expect(no.code).toBe(5);
  expect(no.err).toContain("Release latest images to sock-shop/front-end, asked for by anna");
  expect(no.err).toContain("sock-shop/front-end  front-end  0.2.0 -> 0.3.0");
  expect(no.server.of("approveJob")).toEqual([]);
});

test("a rejection tells why; a refusal of it is exit 6", async () => {
  const failed = aJob({ phase: "failed", outcome: "rejected", finishedAt: "2026-11-25T20:00:00.000Z" });
  const routes: Routes = { getJob: () => ({ json: asked }), rejectJob: () => ({ json: failed }) };
  const ran = await slipway(["reject", jobId, "-m", "not now"], routes);
  expect(ran.server.of("rejectJob")[0]?.body).toEqual({ comment: "not now" });
  expect(ran.out).toBe(`rejected job=${jobId}`);
  const mine = await slipway(["reject", jobId], { ...routes, rejectJob: () => problem(403, "APPROVAL_OWN") });
  expect(mine.code).toBe(6);
});

test("a job shows what it waits for and until when, who consented, and what it overrides", async () => {
  const given = {
    by: "bob",
    verdict: "approved" as const,
    comment: "tested",
    at: "2026-11-25T20:00:00.000Z",
  };
  const approvals = [
    { ...given, ofThisPlan: true },
    { ...given, by: "eve", comment: null, ofThisPlan: false },
  ];
  const shown = await slipway(["job", jobId], {
    getJob: () => ({ json: { ...asked, approvals, overrides: ["lock"] } }),
  });
  expect(shown.out).toMatch(/phase +waiting \(approval\)/);
  expect(shown.out).toContain("waiting for   approval by an approver, until 26 Nov 26 20:00 UTC");
  expect(shown.out).toContain("approved by bob, 25 Nov 26 20:00 UTC: tested");
  expect(shown.out).toContain("approved by eve, 25 Nov 26 20:00 UTC (another plan than now)");
  expect(shown.out).toMatch(/overrides +lock/);
});

test("who waits is told the gate, and a rejection or a deadline that passed is a failure", async () => {
  const step = aStep(6, "Waiting for approval by an approver.", { endedAt: null, outcome: null });
  for (const outcome of ["rejected", "not-approved"]) {
    const over = aJob({ phase: "failed", outcome, finishedAt: "2026-11-26T20:00:00.000Z" });
    const ran = await slipway(["release", "front-end", "--latest"], {
      followJob: () => ({ events: [frame("job", asked, 1), frame("step", step, 2), frame("end", over, 3)] }),
    });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("waiting: approval by an approver, until 26 Nov 26 20:00 UTC");
    expect(ran.out).toContain(outcome);
  }
});

test("a release for later names its time and returns at once", async () => {
  const args = ["release", "front-end", "--latest", "--at", "2026-12-01T06:00Z"];
  const ran = await slipway(args);
  expect(ran.code).toBe(0);
  expect(ran.server.of("createRelease")[0]?.body).toMatchObject({ notBefore: "2026-12-01T06:00:00.000Z" });
  expect(ran.server.of("followJob")).toEqual([]);
  expect(ran.out).toBe(`submitted job=${jobId}`);
});

test("a sync and a restart pass a freeze by its name", async () => {
  const accepted = () => ({ status: 202, json: aJob() });
  for (const [verb, operation] of [
    ["sync", "createSync"],
    ["restart", "createRestart"],
  ] as const) {
    const ran = await slipway([verb, "front-end", "--no-wait", "--override", "freeze"], {
      [operation]: accepted,
    });
    expect(ran.server.of(operation)[0]?.body).toMatchObject({ override: ["freeze"] });
  }
});
