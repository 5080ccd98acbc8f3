import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { openLiveSettings } from "./live-settings.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-live-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const textOf = (mode: string, kubeconfig = "k") =>
  `environments:\n  - { name: shop, mode: ${mode}, cluster: { kubeconfig: ${kubeconfig} }, git: { url: "https://g.example.com/x" } }\n`;

async function live() {
  const path = join(folder, "slipway.yaml");
  await writeFile(path, textOf("observe"));
  const lines: { text: string; waiting?: string[] }[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as { text: string });
  const metrics = createMetrics({ service: "api", process: false });
  const opened = await openLiveSettings({
    path,
    metrics,
    log: createLog({ service: "api", level: "info", write }),
  });
  const change = async (text: string): Promise<void> => {
    await writeFile(path, text);
    await opened.reload();
  };
  return { opened, change, lines, page: () => metrics.text() };
}

test("who holds the settings reads the newest, and who wants to know is told", async () => {
  const { opened, change } = await live();
  const { settings } = opened;
  const told: string[] = [];
  opened.onChange(async ({ environments }) => void told.push(environments[0]?.mode ?? ""));
  await change(textOf("apply"));
  expect(settings.environments[0]?.mode).toBe("apply");
  expect({ ...settings }.environments).toBe(settings.environments);
  expect(JSON.parse(JSON.stringify(settings))).toMatchObject({ installation: "slipway" });
  await opened.reload();
  expect(told).toEqual(["apply"]);
});

test("a file with mistakes is told of once and changes nothing, until it is mended", async () => {
  const { opened, change, lines, page } = await live();
  await change(textOf("applied"));
  await change(`${textOf("applied")}# again\n`);
  expect(opened.settings.environments[0]?.mode).toBe("observe");
  expect(lines.map(({ text }) => text)).toEqual(["the new settings are refused; the old ones stay"]);
  expect(await page()).toContain('slipway_settings_refused{service="api"} 1');
  await change(textOf("apply"));
  expect(opened.settings.environments[0]?.mode).toBe("apply");
  expect(await page()).toContain('slipway_settings_refused{service="api"} 0');
});

test("what needs a restart is named, in the log and as a figure", async () => {
  const { opened, change, lines, page } = await live();
  await change(textOf("apply", "other"));
  expect(opened.settings.environments[0]?.cluster.kubeconfig).toBe(join(folder, "k"));
  expect(lines.at(-1)).toMatchObject({ waiting: ["cluster of environment shop"] });
  expect(await page()).toContain('slipway_settings_restart_needed{service="api"} 1');
});
