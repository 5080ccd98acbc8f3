import { expect, test } from "vitest";

import type { DeclaredRow } from "#common/store/manifests.ts";
import { Owner, OwnerKind, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

import { matchWorkloads } from "./match.ts";
import type { MatchFacts } from "./match.ts";

const environment: MatchFacts["environment"] = {
  git: { paths: ["deploy"] } as MatchFacts["environment"]["git"],
  namespaces: { deny: ["secret"] },
};

function facts(
  more: Partial<Omit<MatchFacts, "running" | "declared">> & {
    running?: Readonly<Record<string, Partial<Owner>>>;
    declared?: Readonly<Record<string, readonly Partial<DeclaredRow>[]>>;
  },
): MatchFacts {
  const running = Object.entries(more.running ?? {}).map(
    ([id, owner]) => [id, Workload.fromPartial({ owner: Owner.fromPartial(owner) })] as const,
  );
  const declared = Object.entries(more.declared ?? {}).map(
    ([id, rows]) =>
      [id, rows.map((row) => ({ path: "a.yaml", fault: null, ...row }) as DeclaredRow)] as const,
  );
  return {
    environment,
    namespaces: undefined,
    outside: new Map(),
    broken: 0,
    ...more,
    running: new Map(running),
    declared: new Map(declared),
  };
}

const one = [{}];

test("counts what runs, what is declared and what is both", () => {
  const match = matchWorkloads(
    facts({
      running: { "shop:deployment/a": {}, "shop:deployment/b": {}, "shop:deployment/hand": {} },
      declared: {
        "shop:deployment/a": one,
        "shop:deployment/b": [{}, { path: "b.yaml" }],
        "shop:deployment/gone": one,
        "shop:deployment/off": one,
      },
    }),
  );
  expect(match).toMatchObject({ live: 3, declared: 4, matched: 2 });
  expect(match.notInGit.map(({ workload }) => workload)).toEqual(["shop:deployment/hand"]);
  expect(match.notLive.map(({ workload }) => workload)).toEqual([
    "shop:deployment/gone",
    "shop:deployment/off",
  ]);
});

test("says of each that is not in git who put it there, or where else it is declared", () => {
  const { notInGit } = matchWorkloads(
    facts({
      running: {
        "shop:deployment/a-chart": { kind: OwnerKind.OWNER_KIND_HELM, name: "ingress" },
        "shop:deployment/b-flux": {
          kind: OwnerKind.OWNER_KIND_FLUX,
          name: "apps",
          namespace: "flux-system",
          objectKind: "Kustomization",
        },
        "shop:deployment/c-outside": {},
        "shop:deployment/d-moved": {},
        "shop:statefulset/e-kind": {},
        "shop:deployment/f-hand": {},
      },
      declared: { "other:deployment/d-moved": one, "shop:deployment/e-kind": one },
      outside: new Map([["shop:deployment/c-outside", "infra/c.yaml"]]),
      broken: 2,
    }),
  );
  expect(notInGit.map(({ reason }) => reason)).toEqual([
    "applied by Helm release ingress, and no file in git.paths declares it",
    "applied by Flux Kustomization flux-system/apps, and no file in git.paths declares it",
    "declared in infra/c.yaml, which is outside git.paths",
    "git declares other:deployment/d-moved: another namespace",
    "no file in deploy declares it; 2 file(s) cannot be read",
    "git declares shop:deployment/e-kind: another kind",
  ]);
});

test("says of each that is not live what stands in its way, as far as it can be told", () => {
  const { notLive } = matchWorkloads(
    facts({
      running: { "shop:statefulset/e-kind": {} },
      declared: {
        "secret:deployment/a": one,
        "absent:deployment/b": one,
        "shop:rollout/c": one,
        "shop:deployment/d": [{ path: "d.yaml", fault: { message: "bad", line: 1 } }],
        "shop:deployment/e-kind": one,
        "shop:job/f": one,
        "shop:deployment/g": one,
      },
      namespaces: new Set(["shop", "secret"]),
    }),
  );
  expect(Object.fromEntries(notLive.map(({ workload, reason }) => [workload, reason]))).toEqual({
    "secret:deployment/a": "namespace secret is none of the environment's (namespaces in the settings)",
    "absent:deployment/b": "namespace absent does not exist",
    "shop:rollout/c": "rollout is no kind that is watched",
    "shop:deployment/d": "its file no longer parses: d.yaml",
    "shop:deployment/e-kind": "the cluster runs shop:statefulset/e-kind: another kind",
    "shop:job/f": "a job that is over, or was never applied",
    "shop:deployment/g": "never applied, or deleted since",
  });
});
