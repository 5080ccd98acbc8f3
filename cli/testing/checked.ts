import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";

const good = { ok: true, code: null, detail: null, hint: null };

/** An environment that has all it needs, but for what a test says otherwise. */
export function aCheck(more: Partial<EnvironmentCheck> = {}): EnvironmentCheck {
  return {
    environment: "default",
    mode: "apply",
    ok: true,
    git: {
      url: "https://git.example.com/shop/config.git",
      branch: "main",
      paths: ["deploy"],
      read: good,
      tip: "9c1e2f4000000000000000000000000000000000",
      files: 28,
      push: good,
      pushNeeded: true,
      level: "lane-ref",
    },
    cluster: {
      reach: good,
      version: "v1.34.1",
      view: good,
      rights: [
        {
          verb: "patch",
          group: "apps",
          resource: "deployments",
          namespace: null,
          allowed: true,
          neededFor: "releasing",
          required: true,
          reason: null,
        },
      ],
    },
    match: { live: 2, declared: 2, matched: 2, notInGit: [], notLive: [] },
    registries: [{ host: "docker.io", repositories: 12, failing: 0, waiting: 0, problem: null, paces: [] }],
    warnings: [],
    next: "nothing is missing: slipway workloads --behind shows what could be released",
    ...more,
  };
}
