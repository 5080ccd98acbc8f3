import { expect, test } from "vitest";

import { aCheck } from "../testing/checked.ts";
import { anEnvironment, frontEndHistory } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

const slipway = createTyped();

test("a list is narrowed by labels, text, what is behind and what fails", async () => {
  const args = [
    "workloads",
    "--behind",
    "--failing",
    "-l",
    "team=web,!tier",
    "-l",
    "app",
    "--filter",
    "front",
  ];
  const ran = await slipway(args);
  const query = ran.server.of("listWorkloads")[0]?.query;
  expect(query?.getAll("state")).toEqual(["behind", "failing"]);
  expect([query?.get("label"), query?.get("filter")]).toEqual(["team=web,!tier,app", "front"]);
  expect(ran.out.split("\n")[0]).toMatch(/POLICY +NEWEST +BEHIND$/);
});

test("history tells what ran when, by which job, commit and person, page after page", async () => {
  const [undone, released] = frontEndHistory.entries;
  const ran = await slipway(["history", "front-end"], {
    workloadHistory: ({ query }) => ({
      json: query.has("cursor")
        ? { ...frontEndHistory, entries: [released] }
        : { ...frontEndHistory, entries: [undone], next: "more" },
    }),
  });
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.server.of("workloadHistory").map(({ parameters }) => parameters)).toContainEqual({
    environment: "default",
    namespace: "sock-shop",
    kind: "deployment",
    name: "front-end",
  });
  expect(ran.out.trimEnd().split("\n")).toEqual([
    "WHEN                 CONTAINER  CHANGE              JOB       OUTCOME                                  COMMIT   BY       MESSAGE",
    "23 Nov 26 16:42 UTC  front-end  7f511af2… -> 0.2.0  b07d5e22  rollback of 0c1d8e11 succeeded           b07d5e2  slipway",
    "23 Nov 26 16:42 UTC  front-end  0.2.0 -> 7f511af2…  0c1d8e11  release rolled-back, undone by b07d5e22  3fa94c1  ada      as agreed",
    "                     proxy      1 -> 2",
  ]);
});

test("environment check tells by its exit code whether something is missing", async () => {
  const good = await slipway(["environment", "check", "default"]);
  expect(good.code).toBe(0);
  expect(good.server.of("checkEnvironment").map(({ parameters }) => parameters)).toEqual([
    { environment: "default" },
  ]);
  const only = await slipway(["environment", "check"], {
    checkEnvironment: () => ({ json: aCheck({ ok: false }) }),
  });
  expect(only).toMatchObject({ code: 1, err: "" });
  expect(only.out).toContain("Environment default, mode apply");
  const both = await slipway(["environment", "check"], {
    listEnvironments: () => ({
      json: { environments: [anEnvironment, { ...anEnvironment, name: "staging" }] },
    }),
  });
  expect(both).toMatchObject({ code: 2 });
  expect(both.err).toContain("default, staging");
  expect((await slipway(["environment", "list"])).out).toContain("https://git.example.com/shop/config.git");
});
