import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { silentLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import { createClientSource } from "./client-source.ts";
import type { OciClient } from "./oci/types.ts";

const password = "not-a-secret";
const shop = { host: "registry.example.com", path: "shop/front-end" };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function aWorld(given: { readonly password: string }) {
  const folder = await mkdtemp(join(tmpdir(), "slipway-"));
  closers.push(() => rm(folder, { recursive: true }));
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
  const o = { registries: [settings], allowPrivate: false, env: {}, redactor, log: silentLog, clock };
  const clients = createClientSource(o);
  closers.push(() => clients.stop());
  return { clients, clock, redactor, passwordFile };
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

test("a client in use is not closed by a change", async () => {
  const { clients, clock, passwordFile } = await aWorld({ password });
  const tags = await clients.use(async (before) => {
    await writeFile(passwordFile, "another");
    await clock.advance(1_000);
    await expect(clients.use(list)).rejects.toMatchObject({ code: "REGISTRY_AUTH_FAILED" });
    return list(before);
  });
  expect(tags).toEqual(["1.0"]);
});

test("passwords are known to the redactor, alone and as they are sent", async () => {
  const { redactor } = await aWorld({ password });
  const sent = Buffer.from(`bot:${password}`).toString("base64");
  expect(redactor.redact(`${password} ${sent}`)).not.toMatch(/not-a-secret|Ym90/);
});
