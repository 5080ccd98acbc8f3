import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { environmentSettings, type EnvironmentSettings } from "#common/contracts/settings.ts";

import type { KubeApi, KubeRequest } from "#common/kit/kube.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { messageOf, refusalOf } from "./environment/apply-answers.ts";
import { createKubeApis, withoutSecrets } from "./kube-apis.ts";

const canary = 'git-token "of" Slipway';
const asked: KubeRequest = { method: "PATCH", path: "/apis/apps/v1/namespaces/shop/deployments/web" };

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

test("a kubeconfig that logs in by a program is refused by the user's name, unless the environment allows it", async () => {
  const kubeconfig = await writeKubeconfig({ exec: execOf("t") });
  const apis = createKubeApis(createRedactor());
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
  const apis = createKubeApis(createRedactor());
  opened.push(() => apis.stop?.() ?? Promise.resolve());
  const target = environment("default", { kubeconfig });
  await expect(apis.of(target)).rejects.toMatchObject({ code: "SETTINGS_INVALID" });
  await writeFile(kubeconfig, kubeconfigOf({ token: "t" }));
  await expect(apis.of(target)).resolves.toBeDefined();
});

test("what an admission webhook writes into its refusal tells no secret that the worker knows", async () => {
  const message = `admission webhook "look" denied the request: ${canary}`;
  const causes = [{ reason: "FieldManagerConflict", message: `conflict with "${canary}"`, field: ".spec" }];
  const answer = await answering(403, { status: "Failure", message, code: 403, details: { causes } }).request(
    asked,
  );
  expect(messageOf(answer)).toBe('admission webhook "look" denied the request: [redacted]');
  expect(refusalOf(answer, "deploy/web.yaml").code).toBe("APPLY_REFUSED");
  expect(answer.body).toMatchObject({ code: 403, details: { causes: [{ field: ".spec" }] } });
  expect(JSON.stringify(answer.body)).not.toContain("git-token");
  expect((await answering(502, `proxy: ${canary}`).request(asked)).body).toBe("proxy: [redacted]");
});

test("objects are told as they are, and the server's address is the newest", async () => {
  const body = { metadata: { annotations: { note: canary } } };
  expect((await answering(200, body).request(asked)).body).toBe(body);
  let server = "https://one";
  const moving = {
    get server() {
      return server;
    },
  } as unknown as KubeApi;
  const kube = withoutSecrets(moving, (text) => text);
  server = "https://two";
  expect(kube.server).toBe("https://two");
});

function answering(status: number, body: unknown): KubeApi {
  const redactor = createRedactor();
  redactor.add(canary);
  const request = async () => ({ status, body, headers: new Headers() });
  return withoutSecrets({ server: "https://one", request } as unknown as KubeApi, (text) =>
    redactor.redact(text),
  );
}

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
