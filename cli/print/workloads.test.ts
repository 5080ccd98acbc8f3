import { expect, test } from "vitest";

import { aContainer, aWorkload, freshAge, frontEndTag, sockShop } from "../testing/seed.ts";

import { spanText } from "./time.ts";
import { ageNotes, brokenNotes, policyNotes, workloadLines } from "./workloads.ts";

const narrow = { heading: "SERVICE", headers: true, wide: false };

test("services are listed as in 2016", () => {
  expect(workloadLines(sockShop, narrow).join("\n")).toBe(
    `
SERVICE              CONTAINER  IMAGE                            RELEASE  POLICY
sock-shop/cart       cart       weaveworksdemos/cart:0.3.0       ready
sock-shop/cart-db    cart-db    mongo                            ready
sock-shop/catalogue  catalogue  weaveworksdemos/catalogue:0.2.0  ready
sock-shop/front-end  front-end  weaveworksdemos/front-end:0.2.0  ready`.trimStart(),
  );
});

test("further containers leave the workload's columns empty, init containers come last", () => {
  const web = aWorkload("web", "web:1", {
    containers: [
      aContainer("setup", "setup:9", { declaredImage: "setup:8", init: true }),
      aContainer("web", "web:1"),
      aContainer("proxy", "proxy:2", { declaredImage: null }),
    ],
    policies: ["automated", "locked"],
    owner: { kind: "flux", name: "apps" },
  });
  expect(workloadLines([web], narrow).slice(1)).toEqual([
    "sock-shop/web  web        web:1    ready    automated,locked",
    "               proxy      proxy:2",
    "               setup      setup:9",
  ]);
  expect(workloadLines([web], { heading: "WORKLOAD", headers: true, wide: true })).toEqual([
    "WORKLOAD       CONTAINER  IMAGE    RELEASE  POLICY            NEWEST     BEHIND  KIND        DECLARED  OWNER      DRIFT  FILE                ENVIRONMENT",
    "sock-shop/web  web        web:1    ready    automated,locked  no-policy          deployment  same      flux apps         deploy/web.yaml:20  default",
    "               proxy      proxy:2                             no-policy",
    "               setup      setup:9                             no-policy                      setup:8",
  ]);
});

test("the newest image stands beside how many and how much older the running one is", () => {
  const newest = { tag: "main-9", createdAt: null, behind: 3, behindMs: 12 * 86_400_000 };
  const containers = [
    aContainer("web", "web:main-6", { newest, newestReason: null }),
    aContainer("up", "up:2", { newest: { ...newest, tag: "2", behind: 0 }, newestReason: null }),
    aContainer("old", "old:1", { newest: { ...newest, behind: 1, behindMs: null }, newestReason: null }),
  ];
  expect(workloadLines([aWorkload("web", "", { containers })], { ...narrow, newest: true })).toEqual([
    "SERVICE        CONTAINER  IMAGE       RELEASE  POLICY  NEWEST  BEHIND",
    "sock-shop/web  web        web:main-6  ready            main-9  3 (12 d)",
    "               up         up:2                         2",
    "               old        old:1                        main-9  1",
  ]);
  expect([spanText(90_000), spanText(5 * 3_600_000), spanText(49 * 3_600_000)]).toEqual([
    "2 min",
    "5 h",
    "2 d",
  ]);
});

test("a terminal too narrow for the list cuts commit ids and digests, nothing else", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const all = [
    aWorkload("web", `web:${frontEndTag}`),
    aWorkload("db", `db:1@${digest}`),
    aWorkload("x", "x:1"),
  ];
  const cut = workloadLines(all, { ...narrow, headers: false, columns: 80 });
  expect(cut.map((line) => line.split(/ +/)[2])).toEqual(["web:7f511af2…", "db:1@sha256:aaaaaaaa…", "x:1"]);
  expect(workloadLines(all, { ...narrow, columns: 200 })).toEqual(workloadLines(all, narrow));
});

test("a file that does not parse is told once, with how much is listed as it was", () => {
  const problem = { message: "bad indentation", line: 7 };
  const kept = (name: string, file: string, of: { message: string; line: number | null } = problem) =>
    aWorkload(name, `${name}:1`, { declared: { file, document: 1, line: 3, problem: of } });
  const workloads = [
    aWorkload("web", "web:1"),
    kept("cart", "deploy/cart.yaml"),
    kept("cart-db", "deploy/cart.yaml"),
    kept("user", "deploy/user.yaml", { message: "not UTF-8: not read", line: null }),
  ];
  expect(brokenNotes(workloads)).toEqual([
    "deploy/cart.yaml does not parse (line 7: bad indentation): 2 workloads keep their last readable declaration",
    "deploy/user.yaml does not parse (not UTF-8: not read): 1 workload keeps its last readable declaration",
  ]);
  expect(workloadLines(workloads, { ...narrow, wide: true })[2]).toContain(
    "deploy/cart.yaml:3 (does not parse)",
  );
  const many = Array.from({ length: 8 }, (_, at) => kept(`w${at}`, `w${at}.yaml`));
  expect(brokenNotes(many).slice(-1)).toEqual(["3 more files do not parse"]);
});

test("automation that is off in the environment is told as such, and so is a policy that cannot be read", () => {
  const automated = aWorkload("web", "web:1", { policies: ["automated", "locked"], automation: "off" });
  expect(workloadLines([automated], { ...narrow, headers: false })[0]).toContain(
    "automated (off here),locked",
  );
  const on = { ...automated, automation: "on" as const };
  expect(workloadLines([on], { ...narrow, headers: false })[0]).toContain("  automated,locked");
  const faulty = (name: string) => aWorkload(name, "x:1", { policyFaults: ["deadline is no duration"] });
  expect(policyNotes([on, faulty("api")])).toEqual(["sock-shop/api: deadline is no duration"]);
  expect(policyNotes(Array.from({ length: 7 }, (_, at) => faulty(`w${at}`))).slice(-1)).toEqual([
    "2 more policies cannot be read",
  ]);
});

test("a list says when its facts are old or not complete", () => {
  expect(ageNotes(freshAge)).toEqual([]);
  expect(
    ageNotes({
      ...freshAge,
      clusterMs: 90_000,
      clusterProblem: "connection refused",
      gitProblem: "no route",
    }),
  ).toEqual([
    "the cluster, as of 1 min 30 s ago: connection refused",
    "the config repository, as of 1.2 s ago: no route",
  ]);
  expect(ageNotes({ ...freshAge, clusterComplete: false })).toEqual([
    "the cluster is still being read; the list may not be complete",
  ]);
});
