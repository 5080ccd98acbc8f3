import { readFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { environmentCheck } from "#common/contracts/environment-check.ts";
import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { runCommandLine } from "#support/api.ts";

import { hasSandboxWorld, manifestOf, repository, startSandboxWorld } from "../e2e/sandbox-world.ts";
import type { SandboxWorld } from "../e2e/sandbox-world.ts";

const marked = manifestOf("web").replace(
  "# kept by the release tool",
  '# {"$imagepolicy": "flux-system:web"}',
);

/** With the marks that Helm leaves. */
function byHelm(manifest: string): string {
  const labels = "  labels: {app.kubernetes.io/managed-by: Helm}";
  const annotations =
    "  annotations: {meta.helm.sh/release-name: ingress, meta.helm.sh/release-namespace: shop}";
  return manifest.replace(/^ {2}namespace: .*$/m, (line) => [line, labels, annotations].join("\n"));
}

describe.runIf(hasSandboxWorld())("environment check", () => {
  let world: SandboxWorld;
  let refsAtStart: ReadonlyMap<string, string>;
  beforeAll(async () => {
    world = await startSandboxWorld({
      services: ["web", "api"],
      workers: 1,
      files: {
        "deploy/web.yaml": marked,
        "deploy/gone.yaml": manifestOf("gone"),
        "deploy/nowhere.yaml": manifestOf("nowhere").replace("namespace: shop", "namespace: absent"),
        "infra/outside.yaml": manifestOf("outside"),
      },
      running: [manifestOf("by-hand"), manifestOf("outside"), byHelm(manifestOf("chart"))],
      further: async (first, write) => {
        const kubeconfig = await readFile(first.cluster.kubeconfig, "utf8");
        const wrong = kubeconfig.replace(/token: .*/g, "token: wrong");
        const git = { ...first.git, branch: "other" };
        return [
          {
            ...first,
            name: "locked-out",
            mode: "observe",
            git: { ...git, tokenFile: await write("wrong-token", "wrong") },
            cluster: { kubeconfig: await write("wrong-kubeconfig", wrong) },
          },
          { ...first, name: "watched", mode: "observe", git: { ...git, branch: "watched" } },
        ];
      },
    });
    refsAtStart = await world.git.refs(repository);
  });
  afterAll(async () => await world?.stop());

  const check = async (name: string): Promise<EnvironmentCheck> => {
    const answer = await world.api.ask<EnvironmentCheck>("POST", `/v1/environments/${name}/check`);
    expect(answer.status).toBe(200);
    return environmentCheck.parse(answer.body);
  };

  /** Both sides are followed by streams: an answer may be a moment behind, and says so. */
  const checkSettled = async (
    name: string,
    isSettled: (found: EnvironmentCheck) => boolean,
  ): Promise<EnvironmentCheck> => {
    let found: EnvironmentCheck | undefined;
    const settled = async (): Promise<boolean> => {
      found = await check(name);
      return found.cluster.view.ok && isSettled(found);
    };
    await pollUntil(settled, { everyMs: 200, timeoutMs: 30_000, what: "both sides as they are" });
    if (found === undefined) throw new Error("nothing was checked");
    return found;
  };

  test("tells what is there, and why each that has no partner has none", async () => {
    const found = await checkSettled(
      "default",
      ({ match, warnings }) => match?.live === 5 && match.declared === 4 && !/nodes/.test(warnings.join()),
    );
    expect(found).toMatchObject({
      mode: "apply",
      ok: true,
      git: { read: { ok: true }, push: { ok: true, code: null }, pushNeeded: true, files: 4 },
      cluster: { reach: { ok: true }, view: { ok: true } },
    });
    expect(found.cluster.version).toMatch(/^v1\./);
    expect(found.cluster.rights.length).toBeGreaterThan(10);
    expect(found.match).toEqual({
      live: 5,
      declared: 4,
      matched: 2,
      notInGit: [
        { workload: "shop:deployment/by-hand", reason: "no file in deploy declares it" },
        {
          workload: "shop:deployment/chart",
          reason: "applied by Helm release shop/ingress, and no file in git.paths declares it",
        },
        {
          workload: "shop:deployment/outside",
          reason: "declared in infra/outside.yaml, which is outside git.paths",
        },
      ],
      notLive: [
        { workload: "absent:deployment/nowhere", reason: "namespace absent does not exist" },
        { workload: "shop:deployment/gone", reason: "never applied, or deleted since" },
      ],
    });
    expect(found.warnings).toEqual([
      "Flux's image automation writes images to git too (deploy/web.yaml:16): leave each image to one of the two",
    ]);
    expect(found.registries).toMatchObject([{ host: "registry.acme.example", repositories: 7 }]);
  });

  test("asks about the push and leaves git as it was", async () => {
    expect((await check("default")).git.push.ok).toBe(true);
    expect(await world.git.refs(repository)).toEqual(refsAtStart);
  });

  test("with wrong credentials each line has its true reason, and the rest is still told", async () => {
    const found = await check("locked-out");
    expect(found).toMatchObject({
      ok: false,
      git: {
        read: { ok: false, code: "GIT_AUTH_FAILED" },
        push: { ok: false },
        pushNeeded: false,
        tip: null,
      },
      cluster: { reach: { ok: false, code: "CLUSTER_AUTH_FAILED" }, view: { ok: false }, rights: [] },
      match: null,
      warnings: [],
    });
    expect(found.next).toContain("mend what failed");
  });

  test("a branch that is not there is told as such, beside a cluster that is", async () => {
    expect(await checkSettled("watched", ({ match }) => match?.live === 5)).toMatchObject({
      ok: false,
      git: { read: { ok: false, code: "GIT_BRANCH_MISSING" } },
      cluster: { reach: { ok: true }, view: { ok: true } },
      match: { live: 5, declared: 0, matched: 0 },
    });
  });

  test("the command line prints it as a page and exits by what it found", async () => {
    const good = await runCommandLine(world.installation, ["environment", "check", "default"]);
    expect(good).toMatchObject({ code: 0, stderr: "" });
    expect(good.stdout).toContain(" ✔ git push  ");
    expect(good.stdout).toContain("5 live, 4 declared, 2 matched; 3 not in git, 2 not live");
    const bad = await runCommandLine(world.installation, ["environment", "check", "locked-out"]);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain("[GIT_AUTH_FAILED]");
  });
});
