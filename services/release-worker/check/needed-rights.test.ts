import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { environmentSettings } from "#common/contracts/settings.ts";

import { neededRights } from "./needed-rights.ts";

const rights = join(import.meta.dirname, "../../../k8s/rights.json");

test.each(["apply", "hand-off", "observe"] as const)(
  "in %s mode nothing is asked for that k8s/ does not give",
  async (mode) => {
    const given = JSON.parse(await readFile(rights, "utf8")) as { watcher: string[]; worker: string[] };
    const all = new Set([...given.watcher, ...given.worker]);
    const environment = environmentSettings.parse({
      name: "default",
      cluster: { kubeconfig: "./kubeconfig" },
      git: { url: "https://git.example.com/config.git" },
      mode,
      sync: "on-change",
    });
    const asked = neededRights(environment).map(
      ({ verb, group, resource }) => `${verb} ${group === "" ? "" : `${group}/`}${resource}`,
    );
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((right) => !all.has(right))).toEqual([]);
  },
);
