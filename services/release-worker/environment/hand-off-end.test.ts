import { expect, test } from "vitest";

import type { HandedOff, RolloutTarget } from "#common/store/schema.ts";

import { vainEnd } from "./hand-off-end.ts";

const job = { id: "0193a5c2-7d1e-7b40-9c55-2f6f0c1d8e11" };
const flux = { kind: "flux", objectKind: "Kustomization", namespace: "flux-system", name: "apps" } as const;

function aBad(handedOff?: HandedOff): RolloutTarget {
  const fixed = { path: "web.yaml", images: {}, applied: true, uid: null, generation: null, spentMs: 0 };
  const target = { workload: "shop:deployment/web", ...fixed, verdict: "bad", reason: "why" } as const;
  return handedOff === undefined ? target : { ...target, handedOff };
}

const asleep = aBad({ ...flux, inVain: "not-picked-up" });
const unwell = aBad({ ...flux, inVain: "owner-not-ready" });

test("a job whose owners did not come ends not-picked-up, with the way to take it back", () => {
  expect(vainEnd(job, [asleep, asleep])).toMatchObject({
    outcome: "not-picked-up",
    error: {
      code: "NOT_PICKED_UP",
      detail: "why; why",
      hint: expect.stringContaining("slipway rollback 0c1d8e11"),
    },
  });
});

test("a job whose owner was not ready in the end is a failed rollout, and no more", () => {
  const end = vainEnd(job, [asleep, unwell]);
  expect(end).toMatchObject({ error: { code: "ROLLOUT_FAILED" } });
  expect(end).not.toHaveProperty("outcome");
});

test("a workload that failed by itself makes it an ordinary failure", () => {
  expect(vainEnd(job, [asleep, aBad(flux)])).toBeUndefined();
  expect(vainEnd(job, [asleep, aBad()])).toBeUndefined();
  expect(vainEnd(job, [])).toBeUndefined();
});
