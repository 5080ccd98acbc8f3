import { expect, test } from "vitest";

import { aCheck } from "../testing/checked.ts";

import { checkLines } from "./environment-check.ts";
import { createPaint } from "./paint.ts";

const style = { wide: false, paint: createPaint(false) };

test("an environment that lacks nothing is a page of ticks", () => {
  expect(checkLines(aCheck(), style)).toEqual([
    "Environment default, mode apply",
    " ✔ git read  https://git.example.com/shop/config.git main at 9c1e2f4: 28 manifests in deploy",
    " ✔ git push  the host would take it, nothing was pushed; a ref of its own keeps late pushes out",
    " ✔ cluster   Kubernetes v1.34.1",
    " ✔ view      every kind is watched, and fresh",
    " ✔ rights    1 of 1",
    " ✔ match     2 live, 2 declared, 2 matched; 0 not in git, 0 not live",
    " ✔ images    docker.io: 12 image repositories",
    "Next: nothing is missing: slipway workloads --behind shows what could be released",
  ]);
});

test("what fails is told with its reason and way out, and the rest is still there", () => {
  const plain = aCheck();
  const failed = { ok: false, code: "GIT_AUTH_FAILED", detail: "403", hint: "give a token that may push" };
  const [right] = plain.cluster.rights;
  const check = aCheck({
    ok: false,
    git: { ...plain.git, push: failed },
    cluster: {
      ...plain.cluster,
      rights: [{ ...right!, allowed: false, namespace: "shop", reason: "no rule" }],
    },
    match: {
      live: 2,
      declared: 2,
      matched: 1,
      notInGit: [{ workload: "shop:deployment/ingress", reason: "applied by Helm release ingress" }],
      notLive: [{ workload: "shop:deployment/old", reason: "never applied, or deleted since" }],
    },
    registries: [
      {
        host: "r.example",
        repositories: 3,
        failing: 1,
        waiting: 1,
        problem: { code: "REGISTRY_AUTH_FAILED", title: "refused", detail: null, hint: null },
        paces: [{ reason: "unreadable", repositories: 1, longestSeconds: 60 }],
      },
      {
        host: "docker.io",
        repositories: 14,
        failing: 0,
        waiting: 0,
        problem: null,
        paces: [
          { reason: "changed", repositories: 3, longestSeconds: 30 },
          { reason: "quiet", repositories: 11, longestSeconds: 900 },
        ],
      },
    ],
    warnings: ["Flux v1 runs here"],
    next: "mend what failed",
  });
  expect(checkLines(check, style).slice(2)).toEqual([
    " ✖ git push  403; give a token that may push [GIT_AUTH_FAILED]",
    " ✔ cluster   Kubernetes v1.34.1",
    " ✔ view      every kind is watched, and fresh",
    " ✖ rights    may not patch deployments.apps in shop, needed for releasing: no rule",
    " ! match     2 live, 2 declared, 1 matched; 1 not in git, 1 not live",
    "    not in git  shop/ingress  applied by Helm release ingress",
    "    not live    shop/old      never applied, or deleted since",
    " ! images    r.example: 1 of 3 image repositories cannot be read, 1 not scanned yet: refused [REGISTRY_AUTH_FAILED]",
    " ✔ images    docker.io: 14 image repositories, scanned every 30 s (3 changed), 15 min (11 quiet)",
    " ! note      Flux v1 runs here",
    "Next: mend what failed",
  ]);
  const watched = checkLines({ ...check, git: { ...check.git, pushNeeded: false } }, style);
  expect(watched[2]).toMatch(/^ ! git push .*not needed in this mode \[GIT_AUTH_FAILED\]$/);
});

test("ten workloads are named and the rest counted; wide names all", () => {
  const notLive = Array.from({ length: 12 }, (_, at) => ({
    workload: `a:deployment/w${at}`,
    reason: "gone",
  }));
  const check = aCheck({ match: { live: 0, declared: 12, matched: 0, notInGit: [], notLive } });
  expect(checkLines(check, style).filter((line) => line.includes("not live"))).toHaveLength(12);
  expect(checkLines(check, style).join("\n")).toContain("2 more (-o wide lists them)");
  expect(checkLines(check, { ...style, wide: true }).filter((line) => line.includes("gone"))).toHaveLength(
    12,
  );
});

test("a cluster that is not seen has no match and no rights", () => {
  const away = { ok: false, code: "CLUSTER_UNAVAILABLE", detail: "no route", hint: null };
  const check = aCheck({
    ok: false,
    match: null,
    cluster: { reach: away, view: away, version: null, rights: [] },
  });
  expect(checkLines(check, style).slice(3, 6)).toEqual([
    " ✖ cluster   no route [CLUSTER_UNAVAILABLE]",
    " ✖ view      no route [CLUSTER_UNAVAILABLE]",
    " ✖ match     cannot be told while the cluster is not seen whole",
  ]);
});
