import { exportJWK, generateKeyPair } from "jose";
import type { JSONWebKeySet, JWK } from "jose";
import { beforeAll, expect, test } from "vitest";

import { silentLog } from "#common/kit/log.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";

import { createKeySet } from "./key-set.ts";

let first: JWK;
let second: JWK;
beforeAll(async () => {
  [first, second] = (await Promise.all(
    ["k1", "k2"].map(async (kid) => ({
      ...(await exportJWK((await generateKeyPair("ES256")).publicKey)),
      kid,
    })),
  )) as [JWK, JWK];
});

const minute = 60_000;
const token = { payload: "", signature: "" };

function aKeySet() {
  const clock = createFakeClock();
  const host = { keys: [first], away: false, reads: 0 };
  const set = createKeySet({
    issuer: "https://issuer.example.com",
    read: async (): Promise<JSONWebKeySet> => {
      host.reads += 1;
      if (host.away) throw new Error("ECONNREFUSED");
      return { keys: host.keys };
    },
    clock,
    log: silentLog,
  });
  const find = (kid: string) => set.find({ alg: "ES256", kid }, token);
  return { clock, host, find };
}

test("keys are read when they are first needed, once for all who wait", async () => {
  const { host, find } = aKeySet();
  await Promise.all(Array.from({ length: 20 }, () => find("k1")));
  expect(host.reads).toBe(1);
});

test("a key that is new is looked for at once, and then not more than twice a minute", async () => {
  const { clock, host, find } = aKeySet();
  await find("k1");
  host.keys = [first, second];
  await clock.advance(31_000);
  await expect(find("k2")).resolves.toBeDefined();
  expect(host.reads).toBe(2);
  for (let guess = 0; guess < 50; guess += 1) {
    await expect(find(`guess-${guess}`)).rejects.toMatchObject({ code: "ERR_JWKS_NO_MATCHING_KEY" });
  }
  expect(host.reads).toBe(2);
});

test("a withdrawn key counts no more once the keys were read again", async () => {
  const { clock, host, find } = aKeySet();
  await find("k1");
  host.keys = [second];
  await clock.advance(11 * minute);
  // Behind this answer they are read.
  await find("k1");
  await clock.advance(31_000);
  await expect(find("k1")).rejects.toMatchObject({ code: "ERR_JWKS_NO_MATCHING_KEY" });
  await expect(find("k2")).resolves.toBeDefined();
});

test("known keys work on while the issuer is away, for a day", async () => {
  const { clock, host, find } = aKeySet();
  await find("k1");
  host.away = true;
  for (let hour = 0; hour < 23; hour += 1) {
    await clock.advance(60 * minute);
    await expect(find("k1")).resolves.toBeDefined();
  }
  await clock.advance(61 * minute);
  await expect(find("k1")).rejects.toMatchObject({ code: "ISSUER_UNAVAILABLE" });
});

test("an unknown key is 503 while the issuer is away, not a refusal", async () => {
  const { clock, host, find } = aKeySet();
  host.away = true;
  await expect(find("k1")).rejects.toMatchObject({ code: "ISSUER_UNAVAILABLE", kind: "unavailable" });
  await expect(find("k1")).rejects.toMatchObject({ code: "ISSUER_UNAVAILABLE" });
  expect(host.reads).toBe(1);
  host.away = false;
  await clock.advance(31_000);
  await expect(find("k1")).resolves.toBeDefined();
});
