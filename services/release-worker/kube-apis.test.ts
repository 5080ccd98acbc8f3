import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";

import { createKubeApis } from "./kube-apis.ts";

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

test("a kubeconfig that logs in by a program is refused by the user's name, unless the environment allows it", async () => {
  const kubeconfig = await writeKubeconfig({ exec: execOf("t") });
  const apis = createKubeApis();
  opened.push(() => apis.stop?.() ?? Promise.resolve());
  const refused = { code: "SETTINGS_INVALID", message: /user "u" .*program \(exec\).*cluster\.allowExec/ };
  await expect(apis.of(environment("strict", { kubeconfig }))).rejects.toMatchObject(refused);
  await expect(apis.of(environment("denying", { kubeconfig, allowExec: false }))).rejects.toMatchObject(
    refused,
  );
  const allowed = environment("trusting", { kubeconfig, allowExec: true });
  expect(await apis.of(allowed)).toBe(await apis.of(allowed));
});

test("a kubeconfig that is mended works without a restart", async () => {
  const kubeconfig = await writeKubeconfig({ exec: execOf("t") });
  const apis = createKubeApis();
  opened.push(() => apis.stop?.() ?? Promise.resolve());
  const target = environment("default", { kubeconfig });
  await expect(apis.of(target)).rejects.toMatchObject({ code: "SETTINGS_INVALID" });
  await writeFile(kubeconfig, kubeconfigOf({ token: "t" }));
  await expect(apis.of(target)).resolves.toBeDefined();
});

function environment(name: string, cluster: object): EnvironmentSettings {
  return environmentSettings.parse({ name, cluster, git: { url: "https://git.example.com/config.git" } });
}

function execOf(token: string): object {
  const apiVersion = "client.authentication.k8s.io/v1";
  const credential = { apiVersion, kind: "ExecCredential", status: { token } };
  const args = ["-e", `console.log(${JSON.stringify(JSON.stringify(credential))})`];
  return { apiVersion, command: process.execPath, args };
}

async function writeKubeconfig(user: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-kube-apis-"));
  opened.push(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "kubeconfig");
  await writeFile(file, kubeconfigOf(user));
  return file;
}

function kubeconfigOf(user: object): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}
