import { describe, expect, test } from "vitest";

import type { Job } from "#common/contracts/http.ts";
import type { Explanation, WorkloadPolicy } from "#common/contracts/policy-http.ts";

import { framesOf } from "../testing/fake-api.ts";
import type { Routes } from "../testing/fake-api.ts";
import { aJob, aPlan, aSucceededJob, freshAge, jobId } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

const type = createTyped();

const workload = "sock-shop:deployment/front-end";
const locked = {
  workload,
  container: "",
  policy: "slipway.dev/locked",
  from: "",
  to: "true",
  result: "changed" as const,
  reason: null,
  detail: null,
  file: "deploy/front-end.yaml",
};
const policyJob = (more: Partial<Job> = {}): Job =>
  aSucceededJob({
    kind: "policy",
    outcome: "committed",
    headline: "Lock sock-shop/front-end",
    results: [locked],
    ...more,
  });

const policy: WorkloadPolicy = {
  workload,
  environment: "default",
  file: "deploy/front-end.yaml",
  automation: "off",
  automated: true,
  locked: true,
  lock: { by: "ada", message: "audit" },
  ignore: false,
  hold: null,
  holds: [
    {
      container: "front-end",
      image: "weaveworksdemos/front-end:0.3.0",
      reason: "CrashLoopBackOff",
      job: jobId,
      since: "2026-11-23T16:40:00.000Z",
    },
  ],
  filters: [{ container: "front-end", filter: "semver:~1" }],
  minAgeMs: 7_200_000,
  platforms: [],
  pinDigest: false,
  allowDowngrade: false,
  group: null,
  autoRollback: null,
  deadlineMs: null,
  parts: [
    {
      key: "automated",
      value: "true",
      source: { kind: "annotation", name: "fluxcd.io/automated" },
      counts: true,
      note: null,
    },
    { key: "min_age", value: "2h", source: { kind: "rule", name: "policies[0]" }, counts: true, note: null },
    {
      key: "min_age",
      value: "30m",
      source: { kind: "annotation", name: "slipway.dev/min_age" },
      counts: false,
      note: "must not be wider than policies[0]",
    },
  ],
  faults: ["deadline is no duration"],
  warnings: ["tag.front-end: open at its ends"],
};

const explained: Explanation = {
  workload,
  environment: "default",
  moves: false,
  stops: [{ reason: "locked", detail: "by ada: audit", until: null }],
  containers: [
    {
      container: "front-end",
      image: "weaveworksdemos/front-end:0.2.0",
      filter: "semver:^0",
      reason: "newer-image",
      detail: "newest of 2 eligible",
      to: "weaveworksdemos/front-end:0.3.0",
      imagesMs: 20_000,
      total: 4,
      candidates: [
        {
          tag: "0.3.0",
          digest: null,
          created: "2016-11-18T16:00:00.000Z",
          dateFrom: "config",
          order: 1,
          reason: "chosen",
          current: false,
        },
        {
          tag: "0.2.0",
          digest: null,
          created: null,
          dateFrom: "first-seen",
          order: 2,
          reason: "lower-version",
          current: true,
        },
      ],
    },
  ],
  age: freshAge,
};

function slipway(args: readonly string[], end: Job = policyJob()) {
  const routes: Routes = {
    changePolicies: ({ body }) =>
      (body as { dryRun?: boolean }).dryRun === true
        ? { json: { ...aPlan, results: [{ ...locked, result: "change" }] } }
        : { status: 202, json: aJob({ kind: "policy", headline: end.headline }) },
    getPolicy: () => ({ json: policy }),
    explainWorkload: () => ({ json: explained }),
    followJob: () => ({ events: framesOf([], end) }),
  };
  return type(args, routes);
}

describe("a change of policies", () => {
  test.each<[readonly string[], object]>([
    [["lock", "front-end", "-m", "audit"], { set: { locked: "true" }, message: "audit" }],
    [["unlock", "front-end"], { set: { locked: null } }],
    [["deautomate", "front-end"], { set: { automated: null } }],
    [["automate", "front-end", "--tag-all", "newest"], { set: { automated: "true", tag_all: "newest" } }],
    [
      ["automate", "front-end", "--tag", "front-end=semver:>=1.0, <2"],
      { set: { automated: "true", "tag.front-end": "semver:>=1.0, <2" } },
    ],
    [["policy", "front-end", "min_age=30m", "hold-"], { set: { min_age: "30m", hold: null } }],
    [
      ["policy", "front-end", "--tag-all", "semver:~1", "--prefix", "fluxcd.io"],
      { set: { tag_all: "semver:~1" }, prefix: "fluxcd.io" },
    ],
  ])("%j asks for it, and waits for the commit", async (args, { set, ...more }: { set?: object }) => {
    const ran = await slipway(args);
    expect(ran.err).toBe("");
    expect(ran.code).toBe(0);
    expect(ran.server.of("changePolicies")[0]?.body).toEqual({
      changes: [{ workload: "sock-shop/front-end", set }],
      ...more,
    });
    expect(ran.server.of("changePolicies")[0]?.headers["idempotency-key"]).toMatch(/./);
    expect(ran.out).toBe(
      `committed sock-shop/front-end slipway.dev/locked none -> true commit=3fa94c1 job=${jobId} took=2.3s`,
    );
  });

  test("warns of a filter that matches a part of a tag", async () => {
    const ran = await slipway(["automate", "front-end", "--tag-all", "regexp:^1"]);
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("matches a part of a tag too; write ^(?:1)$");
  });

  test("of several workloads is one request", async () => {
    const ran = await slipway(["policy", "front-end", "cart", "locked=true"]);
    expect(ran.server.of("changePolicies")[0]?.body).toEqual({
      changes: ["sock-shop/front-end", "sock-shop/cart"].map((name) => ({
        workload: name,
        set: { locked: "true" },
      })),
    });
  });

  test("can be tried: the plan and its diff are shown, and nothing is asked for", async () => {
    const ran = await slipway(["lock", "front-end", "--dry-run"]);
    expect(ran.code).toBe(0);
    expect(ran.server.of("changePolicies").map(({ body }) => body)).toMatchObject([{ dryRun: true }]);
    expect(ran.out).toContain("sock-shop/front-end    slipway.dev/locked none -> true");
  });

  test.each([
    [["policy", "front-end", "lokced=true"], "did you mean locked?"],
    [["policy", "front-end", "tag.front-end=semver:x!"], "not a version range"],
    [["policy", "front-end", "hold=a", "hold-"], "asked for twice"],
    [["policy", "front-end", "=x"], "is no change"],
    [["policy"], "Name at least one workload"],
    [["automate", "front-end", "--tag", "web"], "names no container and filter"],
    [["lock"], "missing required argument"],
    [["lock", "no-such-name"], "No workload is called"],
  ])("%j is a slip, and nothing is asked for", async (args, why) => {
    const ran = await slipway(args);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(why);
    expect(ran.server.of("changePolicies")).toEqual([]);
  });

  test("exits by the outcome", async () => {
    const error = { code: "POLICY_REFUSED", title: "refused", detail: "not-editable", hint: null };
    const ran = await slipway(
      ["lock", "front-end"],
      policyJob({ phase: "failed", outcome: "failed", commit: null, results: [], error }),
    );
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("not-editable");
  });
});

test("the policies that count are shown with their places, and with what stops automation", async () => {
  const ran = await slipway(["policy", "front-end"]);
  expect(ran.code).toBe(0);
  expect(ran.out.split("\n")).toEqual([
    "sock-shop/front-end on default  deploy/front-end.yaml",
    "POLICY     VALUE  FROM                  NOTE",
    "automated  true   fluxcd.io/automated",
    "min_age    2h     settings policies[0]",
    "min_age    (30m)  slipway.dev/min_age   must not be wider than policies[0]",
    "Automation is off for this environment: nothing moves by itself.",
    "Locked by ada: audit",
    expect.stringMatching(
      /^Held: front-end, since 23 Nov 26 16:40 UTC: CrashLoopBackOff \(not to weaveworksdemos\/front-end:0\.3\.0, job \w{8}; slipway unhold\)$/,
    ),
    "Fault: deadline is no duration",
    "Note: tag.front-end: open at its ends",
  ]);
  const json = await slipway(["policy", "front-end", "-o", "json"]);
  expect(JSON.parse(json.out)).toEqual(policy);
});

test("what automation would do is explained tag by tag", async () => {
  const ran = await slipway(["explain", "front-end", "--limit", "2"]);
  expect(ran.code).toBe(0);
  expect(ran.server.of("explainWorkload")[0]?.query.get("limit")).toBe("2");
  expect(ran.out.split("\n")).toEqual([
    "sock-shop/front-end on default: automation leaves it alone",
    "  locked  it is locked (slipway unlock): by ada: audit",
    "",
    "front-end  0.2.0 -> 0.3.0  newer-image (newest of 2 eligible)",
    "filter semver:^0, 4 tags, registry read 20.0 s ago",
    "ORDER      TAG    CREATED              REASON",
    "1          0.3.0  18 Nov 16 16:00 UTC  chosen",
    "2      '-> 0.2.0  ?                    lower-version",
    ":   (2 tag(s) omitted)",
  ]);
});
