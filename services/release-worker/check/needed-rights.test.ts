import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";

import { neededRights } from "./needed-rights.ts";

const k8s = join(import.meta.dirname, "../../../k8s");
const watcherFiles = ["rights/watcher.yaml"];
const workerFiles = ["rights/worker.yaml", "sync/rights.yaml", "nudge/rights.yaml"];

const modes = ["apply", "hand-off", "observe"] as const;

test.each(modes)("in %s mode nothing is asked for that no rule of k8s/ gives", async (mode) => {
  const asked = neededRights(environment({ mode, cluster: { kubeconfig: "./kubeconfig" } }));
  const given = await rightsOf([...watcherFiles, ...workerFiles]);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.map(textOf).filter((right) => !given.has(right))).toEqual([]);
});

test.each(modes)("in %s mode a worker inside the cluster asks for its own account alone", async (mode) => {
  const asked = neededRights(environment({ mode, cluster: { inCluster: true } }));
  const given = await rightsOf(workerFiles);
  expect(asked.map(textOf).filter((right) => !given.has(right))).toEqual([]);
});

test("a release asks, of what it must have, for nothing that the worker's own role does not give", async () => {
  const settings = environment({ mode: "apply", sync: "release-only", cluster: { inCluster: true } });
  const asked = neededRights(settings).filter(({ required }) => required);
  const given = await rightsOf(["rights/worker.yaml"]);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.map(textOf).filter((right) => !given.has(right))).toEqual([]);
});

function environment(more: object): EnvironmentSettings {
  return environmentSettings.parse({
    name: "default",
    git: { url: "https://git.example.com/config.git" },
    sync: "on-change",
    nudgeOwners: true,
    ...more,
  });
}

interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** "verb group/resource" of every rule in the files. */
async function rightsOf(files: readonly string[]): Promise<ReadonlySet<string>> {
  const texts = await Promise.all(files.map((file) => readFile(join(k8s, file), "utf8")));
  const documents = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()));
  const rules = documents.flatMap(({ rules = [] }: { rules?: readonly RoleRule[] }) => rules);
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => textOf({ verb, group, resource }))),
      ),
    ),
  );
}

function textOf({ verb, group, resource }: { verb: string; group: string; resource: string }): string {
  return `${verb} ${group === "" ? "" : `${group}/`}${resource}`;
}
