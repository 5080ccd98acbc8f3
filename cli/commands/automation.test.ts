import { expect, test } from "vitest";

import type { EnvironmentAutomation } from "#common/contracts/automation-http.ts";

import { problem } from "../testing/fake-api.ts";
import { freshAge } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

const slipway = createTyped();

const workload = "sock-shop:deployment/front-end";
const told: EnvironmentAutomation = {
  environment: "default",
  automation: "off",
  automated: 3,
  moves: [
    {
      workload,
      container: "front-end",
      from: "weaveworksdemos/front-end:0.3.0",
      to: "weaveworksdemos/front-end:0.3.1",
      filter: "semver:~0.3",
      detail: "newest of 2 eligible",
      group: "shop",
    },
  ],
  waits: [
    {
      workload: "sock-shop:deployment/cart",
      container: null,
      to: "weaveworksdemos/cart:0.4.0",
      reason: "frozen",
      detail: "incident 42, set by ada",
      until: "2026-12-01T06:00:00Z",
    },
    {
      workload: "sock-shop:deployment/user",
      container: "user",
      to: "weaveworksdemos/user:0.4.0",
      reason: "held",
      detail: "it crashed",
      until: null,
    },
  ],
  warnings: ["Flux's image automation runs in the cluster"],
  age: freshAge,
};

test("what would move is told before automation is turned on, with the other writers", async () => {
  const ran = await slipway(["automation"], { showAutomation: () => ({ json: told }) });
  expect(ran.server.of("showAutomation")[0]?.parameters).toMatchObject({ environment: "default" });
  expect(ran.out.split("\n").map((line) => line.trimEnd())).toEqual([
    "automation is off in default: turned on, 1 container of 3 automated workloads would move at once",
    "WORKLOAD             CONTAINER  CHANGE          FILTER       GROUP",
    "sock-shop/front-end  front-end  0.3.0 -> 0.3.1  semver:~0.3  shop",
    "",
    "WORKLOAD        CONTAINER  NEWER                       WAITS FOR",
    "sock-shop/cart             weaveworksdemos/cart:0.4.0  frozen: incident 42, set by ada, until 01 Dec 26 06:00 UTC",
    "sock-shop/user  user       weaveworksdemos/user:0.4.0  held: it crashed",
  ]);
  expect(ran.err).toContain("Warning: Flux's image automation runs in the cluster");
});

test("where it is on, the head says so", async () => {
  const on = { ...told, automation: "on" as const, moves: [], waits: [], warnings: [] };
  const ran = await slipway(["automation", "default"], { showAutomation: () => ({ json: on }) });
  expect(ran.out).toBe("automation is on in default: 0 containers of 3 automated workloads move now");
});

test("unhold lifts what a rollback has set, and says what it was", async () => {
  const lifted = [
    {
      container: "front-end",
      image: "weaveworksdemos/front-end:0.3.1",
      reason: "CrashLoopBackOff",
      by: "automation",
      since: "2026-11-23T16:40:00Z",
    },
  ];
  const routes = { liftHold: () => ({ json: { workload, environment: "default", lifted } }) };
  const ran = await slipway(["unhold", "front-end", "-c", "front-end"], routes);
  expect(ran.server.of("liftHold")[0]?.query.get("container")).toBe("front-end");
  expect(ran.out).toBe(
    "sock-shop/front-end front-end is held no more: CrashLoopBackOff (not to weaveworksdemos/front-end:0.3.1, by automation, 23 Nov 26 16:40 UTC)",
  );
});

test("unhold of what nothing holds is refused with what to do", async () => {
  const routes = { liftHold: () => problem(404, "HOLD_NOT_FOUND", { hint: "slipway policy W hold-" }) };
  const ran = await slipway(["unhold", "front-end"], routes);
  expect(ran.code).not.toBe(0);
  expect(ran.err).toContain("HOLD_NOT_FOUND");
});
