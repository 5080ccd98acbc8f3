import { expect, test } from "vitest";

import type { WorkloadPolicy } from "#common/contracts/policy-http.ts";

import { framesOf } from "../testing/fake-api.ts";
import type { Routes } from "../testing/fake-api.ts";
import { aJob, aPlan, aSucceededJob } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

const type = createTyped();

type Part = WorkloadPolicy["parts"][number];
const annotation = (prefix: string, key: string): Part => ({
  key,
  value: "true",
  source: { kind: "annotation", name: `${prefix}/${key}` },
  counts: true,
  note: null,
});
const rule: Part = { ...annotation("", "min_age"), source: { kind: "rule", name: "policies[0]" } };

const policyOf = (workload: string, parts: readonly Part[]): WorkloadPolicy => ({
  workload,
  environment: "default",
  file: "deploy/any.yaml",
  automation: "off",
  automated: false,
  locked: false,
  lock: null,
  ignore: false,
  hold: null,
  holds: [],
  filters: [],
  minAgeMs: null,
  platforms: [],
  pinDigest: false,
  allowDowngrade: false,
  group: null,
  autoRollback: null,
  deadlineMs: null,
  parts: [...parts],
  faults: [],
  warnings: [],
});

const ended = aSucceededJob({ kind: "policy", outcome: "committed", headline: "Strip" });

function strip(args: readonly string[], partsOf: (name: string) => readonly Part[]) {
  const routes: Routes = {
    getPolicy: ({ parameters }) => {
      const { namespace, kind, name = "" } = parameters;
      return { json: policyOf(`${namespace}:${kind}/${name}`, partsOf(name)) };
    },
    changePolicies: ({ body }) =>
      (body as { dryRun?: boolean }).dryRun === true
        ? { json: aPlan }
        : { status: 202, json: aJob({ kind: "policy", headline: "Strip" }) },
    followJob: () => ({ events: framesOf([], ended) }),
  };
  return type(["policy", "strip", ...args], routes);
}

test("takes away what is ours in one change of every workload, and leaves rules and Flux's words", async () => {
  const { server, code } = await strip(["--all", "-m", "moving"], (name) => {
    if (name === "front-end")
      return [annotation("slipway.dev", "automated"), annotation("slipway.dev", "tag.web"), rule];
    if (name === "cart") return [annotation("fluxcd.io", "automated"), annotation("slipway.dev", "hold")];
    return [];
  });
  expect(code).toBe(0);
  const asked = server.of("changePolicies").map(({ body }) => body);
  expect(asked).toEqual([
    {
      changes: expect.arrayContaining([
        { workload: "sock-shop:deployment/front-end", set: { automated: null, "tag.web": null } },
        { workload: "sock-shop:deployment/cart", set: { hold: null } },
      ]),
      message: "moving",
    },
  ]);
  expect((asked[0] as { changes: unknown[] }).changes).toHaveLength(2);
});

test("leaves a key that Flux has too, and says so", async () => {
  const both = [annotation("slipway.dev", "locked"), annotation("fluxcd.io", "locked")];
  const { server, code, err } = await strip(["front-end"], () => both);
  expect({ code, err }).toMatchObject({
    code: 0,
    err: expect.stringContaining("locked is also Flux's, and stays"),
  });
  expect(server.of("changePolicies")).toEqual([]);
});

test("a dry run shows the plan, and asks for no job", async () => {
  const { server, code } = await strip(["front-end", "--dry-run"], () => [
    annotation("slipway.dev", "locked"),
  ]);
  expect(code).toBe(0);
  expect(server.of("changePolicies").map(({ body }) => (body as { dryRun?: boolean }).dryRun)).toEqual([
    true,
  ]);
});

test.each([[[]], [["front-end", "--all"]]])("%j names neither or both, and is refused", async (args) => {
  const { code, err } = await strip(args, () => []);
  expect({ code, err }).toMatchObject({
    code: 2,
    err: expect.stringContaining("Name workloads, or give --all"),
  });
});
