import { describe, expect, test } from "vitest";

import type { DecidedWorkload } from "./automation.ts";
import { proposeJobs, type ProposalFacts } from "./automation-jobs.ts";
import { readPolicies } from "./policy.ts";

const decided = (
  name: string,
  to: string,
  o: { namespace?: string; group?: string } = {},
): DecidedWorkload => {
  const { namespace = "shop", group } = o;
  const annotations = { "slipway.dev/automated": "true", ...(group && { "slipway.dev/group": group }) };
  return {
    namespace,
    policies: readPolicies(annotations),
    decision: {
      workload: `${namespace}:deployment/${name}`,
      stops: [],
      containers: [
        {
          container: name,
          image: `${name}:1`,
          filter: "newest",
          reason: "newer-image",
          to: `${name}:${to}`,
          candidates: [],
          imagesAgeMs: 0,
        },
      ],
    },
  };
};
const propose = (facts: Partial<ProposalFacts>) =>
  proposeJobs({ decided: [], waiting: [], approvals: [], tried: new Set(), heldBack: new Set(), ...facts });
const names = (jobs: ReturnType<typeof propose>["jobs"]) =>
  jobs.map((moves) => moves.map(({ container, to }) => `${container} ${to}`).join(", "));
const waitingFor = (id: string, name: string, to: string) => ({
  id,
  containers: [{ workload: `shop:deployment/${name}`, container: name, image: `${name}:${to}` }],
});

describe("jobs of a decision", () => {
  test("are one for everything that moves", () => {
    const { jobs } = propose({ decided: [decided("a", "2"), decided("b", "2"), decided("c", "3")] });
    expect(names(jobs)).toEqual(["a a:2, b b:2, c c:3"]);
  });

  test("are apart where different people are asked, and a group goes with whoever is asked for any of it", () => {
    const approvals = [{ namespaces: ["bank"] }];
    const group = "g";
    const all = [
      decided("a", "2"),
      decided("b", "2", { namespace: "bank" }),
      decided("c", "2", { group }),
      decided("d", "2", { namespace: "bank", group }),
    ];
    expect(names(propose({ decided: all, approvals }).jobs)).toEqual(["a a:2", "b b:2, c c:2, d d:2"]);
  });

  test("leave alone what a waiting job brings already, and take one back that another image has overtaken", () => {
    const waiting = [waitingFor("kept", "a", "2"), waitingFor("old", "b", "2"), waitingFor("gone", "x", "2")];
    const found = propose({ decided: [decided("a", "2"), decided("b", "3")], waiting });
    expect(names(found.jobs)).toEqual(["b b:3"]);
    expect(found.cancel).toEqual(["old", "gone"]);
  });

  test("bring alone what failed before, so that only the culprit fails again", () => {
    const tried = new Set(["shop:deployment/a a", "shop:deployment/b b"]);
    const all = ["a", "b", "c", "d"].map((name) => decided(name, "2"));
    expect(names(propose({ decided: all, tried }).jobs)).toEqual(["c c:2, d d:2", "a a:2", "b b:2"]);
  });

  test("never bring what is held back, nor the others of its group", () => {
    const heldBack = new Set(["shop:deployment/a a"]);
    const all = [decided("a", "2", { group: "g" }), decided("b", "2", { group: "g" }), decided("c", "2")];
    expect(names(propose({ decided: all, heldBack }).jobs)).toEqual(["c c:2"]);
  });

  test("hold a thousand containers each at most, and no group is torn", () => {
    const all = Array.from({ length: 2_500 }, (_, at) =>
      decided(`w${at}`, "2", at >= 999 && at <= 1_000 ? { group: "g" } : {}),
    );
    const { jobs } = propose({ decided: all });
    expect(jobs.map((moves) => moves.length)).toEqual([999, 1_000, 501]);
    expect(jobs[1]?.slice(0, 2).map(({ group }) => group)).toEqual(["g", "g"]);
  });
});
