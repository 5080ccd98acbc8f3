import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { pollUntil } from "#common/kit/retry.ts";
import { failureOf, host, password } from "../oci/testing/harness.ts";
import {
  aConfigFile,
  aHelper,
  aWorld,
  answer,
  fileOf,
  list,
  pathOf,
  pullSecrets,
} from "./testing/harness.ts";

test("a helper is asked with fixed words, once for minutes, and again after a refusal", async () => {
  const { source, registry, clock } = await aWorld();
  const helper = await aHelper("sesame", answer(password));
  const credHelpers = { [host]: "sesame" };
  const clients = source({ dockerConfigFile: await aConfigFile({ auths: { [host]: {} }, credHelpers }) });
  for (let times = 0; times < 3; times += 1) expect(await list(clients)).toEqual(["1.0"]);
  expect(await helper.calls()).toEqual([`1 get ${host}`]);
  await clock.advance(5 * 60_000);
  await list(clients);
  expect(await helper.calls()).toHaveLength(2);
  registry.setPassword("rotated");
  const rotated = await aHelper("sesame", answer("rotated"));
  expect(await list(clients)).toEqual(["1.0"]);
  expect(await rotated.calls()).toHaveLength(1);
});

test("a credential that stays refused makes the helper run once a minute at most", async () => {
  const { source, clock } = await aWorld();
  const helper = await aHelper("sesame", answer("wrong"));
  const clients = source({ dockerConfigFile: await aConfigFile({ credsStore: "sesame" }) });
  for (let times = 0; times < 5; times += 1) {
    await expect(list(clients)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
  }
  expect(await helper.calls()).toHaveLength(2); // first, and after the refusal
  await clock.advance(60_000);
  await expect(list(clients)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
  expect(await helper.calls()).toHaveLength(3);
});

test("one named in the settings goes before the store of config.json, and may give an identity token", async () => {
  const { source, registry, bare } = await aWorld("token");
  registry.acceptIdentityToken("identity-canary");
  await aHelper("sesame", answer("identity-canary", "<token>"));
  const other = await aHelper("other", answer("wrong"));
  const clients = source({
    registries: [{ ...bare, credentialHelper: "sesame" }],
    dockerConfigFile: await aConfigFile({ credsStore: "other" }),
  });
  expect(await list(clients)).toEqual(["1.0"]);
  expect(await other.calls()).toEqual([]);
});

test("one that hangs is killed with its children, told as the reason, and left alone for a while", async () => {
  const { source, clock, lines } = await aWorld();
  const pids = fileOf("pids");
  const helper = await aHelper("sesame", `sleep 600 &\necho $! >> ${pids}\nwait`);
  const clients = source({
    dockerConfigFile: await aConfigFile({ credHelpers: { [host]: "sesame" } }),
    helperTimeoutMs: 1_000,
  });
  expect(await failureOf(list(clients))).toMatchObject({
    code: "REGISTRY_CREDENTIAL_UNREADABLE",
    detail: expect.stringContaining("did not answer within 1000 ms"),
  });
  const [pid] = (await readFile(pids, "utf8")).split("\n").map(Number);
  await pollUntil(async () => !isRunning(pid ?? 0), { everyMs: 10, timeoutMs: 10_000 });
  await expect(list(clients)).rejects.toMatchObject({ code: "REGISTRY_CREDENTIAL_UNREADABLE" });
  expect(await helper.calls()).toHaveLength(1);
  await clock.advance(30_000);
  await expect(list(clients)).rejects.toMatchObject({ code: "REGISTRY_CREDENTIAL_UNREADABLE" });
  expect(await helper.calls()).toHaveLength(2);
  expect(lines.join("")).toContain("a credential for a registry cannot be read");
});

test.each([
  ["answers too much", "head -c 70000 /dev/zero | tr '\\0' x", /more than 65536 bytes/],
  ["answers no JSON", "echo canary-secret", /not JSON/],
  ["answers something else", `echo '{"Secret":"canary-secret"}'`, /no credential/],
  ["fails", "echo canary-secret; exit 3", /ended with code 3/],
  ["is not there", undefined, /cannot be started/],
])("of one that %s that is told, and nothing of its answer", async (_how, script, why) => {
  const { source, lines } = await aWorld();
  if (script !== undefined) await aHelper("sesame", script);
  const clients = source({ dockerConfigFile: await aConfigFile({ credHelpers: { [host]: "sesame" } }) });
  const failure = await failureOf(list(clients));
  expect(failure).toMatchObject({
    code: "REGISTRY_CREDENTIAL_UNREADABLE",
    detail: expect.stringMatching(why),
  });
  expect(`${String((failure as Error).stack)} ${lines.join("")}`).not.toContain("canary-secret");
});

test("one that knows nothing is no trouble, and the next place is asked", async () => {
  const { source } = await aWorld();
  await aHelper("sesame", "echo 'credentials not found in native keychain'; exit 1");
  const dockerConfigFile = await aConfigFile({ credsStore: "sesame" });
  expect(await list(source({ dockerConfigFile, pullSecrets: pullSecrets(password).option }))).toEqual([
    "1.0",
  ]);
});

test("one gets the variables of the cloud, and none of our secrets", async () => {
  const { source, bare } = await aWorld();
  const seen = fileOf("seen");
  await aHelper("sesame", `env > ${seen}\n${answer(password)}`);
  const env = {
    PATH: pathOf(),
    AWS_REGION: "eu-central-1",
    DATABASE_URL: "canary",
    REDIS_URL: "canary",
    SLIPWAY_TOKEN: "canary",
    REGISTRY_PASSWORD: "canary",
  };
  const other = {
    host: "other.example.com",
    insecure: false,
    username: "x",
    passwordEnv: "REGISTRY_PASSWORD",
  };
  const dockerConfigFile = await aConfigFile({ credsStore: "sesame" });
  expect(await list(source({ env, registries: [other, bare], dockerConfigFile }))).toEqual(["1.0"]);
  const given = await readFile(seen, "utf8");
  expect(given).toContain("AWS_REGION=eu-central-1");
  expect(given).not.toContain("canary");
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // gone
  }
}
