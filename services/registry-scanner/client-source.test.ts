import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { silentLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import { createClientSource } from "./client-source.ts";
import { selfSigned } from "./oci/testing/certificates.ts";
import { aSecureServer } from "./oci/testing/harness.ts";
import type { OciClient } from "./oci/types.ts";

const password = "not-a-secret";
const shop = { host: "registry.example.com", path: "shop/front-end" };
const common = { allowPrivate: false, env: {}, redactor: createRedactor(), log: silentLog };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function aWorld(given: { readonly password: string }) {
  const folder = await aFolder();
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, `${given.password}\n`);
  const registry = createSandboxRegistry({ auth: { kind: "basic", username: "bot", password } });
  await registry.start();
  closers.push(() => registry.stop());
  registry.addImage("shop/front-end", "1.0", {});
  const settings = {
    host: shop.host,
    endpoint: registry.url,
    insecure: false,
    username: "bot",
    passwordFile,
  };
  const clock = createFakeClock();
  const redactor = createRedactor();
  const clients = createClientSource({ ...common, registries: [settings], redactor, clock });
  closers.push(() => clients.stop());
  return { clients, clock, redactor, passwordFile, registry };
}

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-"));
  closers.push(() => rm(folder, { recursive: true }));
  return folder;
}

const list = async (client: OciClient) => (await client.listTags(shop, { signal: noSignal() })).tags;

function noSignal(): AbortSignal {
  return new AbortController().signal;
}

test("a password that was rotated is used without a restart", async () => {
  const { clients, clock, passwordFile } = await aWorld({ password: "an-old-one" });
  await expect(clients.use(list)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
  await writeFile(passwordFile, password);
  await clock.advance(1_000);
  expect(await clients.use(list)).toEqual(["1.0"]);
});

test("a password file that is away for a moment changes nothing", async () => {
  const { clients, clock, passwordFile } = await aWorld({ password });
  await rm(passwordFile);
  await clock.advance(1_000);
  expect(await clients.use(list)).toEqual(["1.0"]);
});

test("a password that is refused is read again at once", async () => {
  const { clients, passwordFile, registry } = await aWorld({ password: "an-old-one" });
  await expect(clients.use(list)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
  await writeFile(passwordFile, password);
  registry.resetRequests();
  expect(await clients.use(list)).toEqual(["1.0"]);
  // With the old one, then with the new one.
  expect(registry.requests()).toMatchObject({ tags: 2, total: 2 });
});

test("a certificate authority that was rotated is used from then on, and a client in use goes on", async () => {
  const [first, second] = await Promise.all([selfSigned("first"), selfSigned("second")]);
  const caFile = join(await aFolder(), "ca.crt");
  await writeFile(caFile, first.cert);
  const url = await aSecureServer(first, (_request, response) => void response.end('{"tags":["1.0"]}'));
  const clock = createFakeClock();
  const registries = [{ host: shop.host, endpoint: url, insecure: false, caFile }];
  const clients = createClientSource({ ...common, registries, clock });
  closers.push(() => clients.stop());
  const tags = await clients.use(async (before) => {
    await writeFile(caFile, second.cert);
    await clock.advance(1_000);
    await expect(clients.use(list)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    return list(before);
  });
  expect(tags).toEqual(["1.0"]);
  await writeFile(caFile, first.cert);
  await clock.advance(1_000);
  expect(await clients.use(list)).toEqual(["1.0"]);
});

test("a password or certificate that is not there at the start is a mistake in the settings", () => {
  const at = { host: shop.host, insecure: false };
  const missing = "/no/such/file";
  for (const o of [
    { registries: [{ ...at, username: "bot", passwordFile: missing }] },
    { registries: [{ ...at, caFile: missing }] },
    { registries: [], dockerConfigFile: missing },
  ]) {
    const create = () => createClientSource({ ...common, clock: createFakeClock(), ...o });
    expect(create).toThrow(expect.objectContaining({ code: "SETTINGS_INVALID" }));
  }
});

test("passwords are known to the redactor, alone and as they are sent", async () => {
  const { redactor } = await aWorld({ password });
  const sent = Buffer.from(`bot:${password}`).toString("base64");
  expect(redactor.redact(`${password} ${sent}`)).not.toMatch(/not-a-secret|Ym90/);
});
