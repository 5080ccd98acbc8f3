import { createHmac } from "node:crypto";

import { CompactEncrypt, SignJWT, base64url, exportJWK, exportSPKI, generateKeyPair } from "jose";
import type { JWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";

import { oidcSettings } from "#common/contracts/oidc-settings.ts";
import { silentLog } from "#common/kit/log.ts";

import { createIdentities } from "./identities.ts";

const issuer = "https://issuer.example.com";
const other = "https://other.example.com";
const now = new Date("2026-11-24T12:00:00Z");
const nowSeconds = now.getTime() / 1_000;

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

let ours: Pair;
let theirs: Pair;
let curve: Pair;
let pss: Pair;
let oaep: Pair;
const publicKeys = new Map<string, JWK[]>();

beforeAll(async () => {
  ours = await generateKeyPair("RS256", { extractable: true });
  theirs = await generateKeyPair("RS256", { extractable: true });
  pss = await generateKeyPair("PS256", { extractable: true });
  oaep = await generateKeyPair("RSA-OAEP-256", { extractable: true });
  curve = await generateKeyPair("ES256", { extractable: true });
  publicKeys.set(issuer, [
    { ...(await exportJWK(ours.publicKey)), kid: "k1", alg: "RS256", use: "sig" },
    { ...(await exportJWK(curve.publicKey)), kid: "ec", alg: "ES256", use: "sig" },
    { ...(await exportJWK(pss.publicKey)), kid: "pss" },
  ]);
  publicKeys.set(other, [{ ...(await exportJWK(theirs.publicKey)), kid: "k1", alg: "RS256" }]);
});

const rules = [{ claims: { repository: "octo/*" }, role: "releaser", namespaces: ["shop"] }];

const identities = createIdentities({
  settings: [
    oidcSettings.parse({ issuer, audience: "slipway", rules }),
    oidcSettings.parse({
      issuer: other,
      audience: "slipway",
      rules: [{ claims: { sub: "bob" }, role: "viewer" }],
    }),
  ],
  readKeys: async (of) => ({ keys: publicKeys.get(of) ?? [] }),
  clock: { monotonicMs: () => 0, now: () => now },
  log: silentLog,
});

const good = {
  iss: issuer,
  aud: "slipway",
  sub: "repo:octo/shop:ref:refs/heads/main",
  repository: "octo/shop",
  iat: nowSeconds,
  nbf: nowSeconds,
  exp: nowSeconds + 300,
};

interface Made {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly key?: Pair["privateKey"];
}

const sign = ({ claims = {}, header = {}, key = ours.privateKey }: Made = {}): Promise<string> =>
  new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "k1", typ: "JWT", ...header })
    .sign(key, { crit: { odd: true } });

const refusal = async (token: string): Promise<string> => {
  try {
    await identities.verify(token);
  } catch (error) {
    return String((error as { code?: string }).code ?? error);
  }
  return "taken";
};

test("a token of its issuer is who it says, as far as the rules go", async () => {
  const { principal, leftMs } = await identities.verify(await sign());
  expect(principal).toEqual({
    tokenId: `${issuer}#${good.sub}`,
    name: good.sub,
    kind: "oidc",
    grants: [{ role: "releaser", scope: { namespaces: ["shop"] } }],
    groups: [],
    expiresAt: new Date(good.exp * 1_000),
  });
  // 300 s, and the 30 s that clocks may be apart.
  expect(leftMs).toBe(330_000);
});

test("a token for several audiences counts when ours is one", async () => {
  expect(await refusal(await sign({ claims: { aud: ["a", "slipway"] } }))).toBe("taken");
});

test("who no rule knows may do nothing", async () => {
  expect(await refusal(await sign({ claims: { repository: "evil/shop" } }))).toBe("FORBIDDEN");
});

test("clocks may be a little apart, not more", async () => {
  expect(await refusal(await sign({ claims: { exp: nowSeconds - 20 } }))).toBe("taken");
  expect(await refusal(await sign({ claims: { exp: nowSeconds - 40 } }))).toBe("UNAUTHENTICATED");
  expect(await refusal(await sign({ claims: { nbf: nowSeconds + 20 } }))).toBe("taken");
  expect(await refusal(await sign({ claims: { nbf: nowSeconds + 40 } }))).toBe("UNAUTHENTICATED");
});

test("what a token calls its owner is fit for a line", async () => {
  const named = createIdentities({
    settings: [
      oidcSettings.parse({
        issuer,
        audience: "slipway",
        nameClaim: "name",
        rules: [{ claims: { sub: "*" }, role: "viewer" }],
      }),
    ],
    readKeys: async () => ({ keys: publicKeys.get(issuer) ?? [] }),
    clock: { monotonicMs: () => 0, now: () => now },
    log: silentLog,
  });
  const nameOf = async (name: unknown) =>
    (await named.verify(await sign({ claims: { name } }))).principal.name;
  expect(await nameOf("Alice")).toBe("Alice");
  expect(await nameOf("Ali\u200fce\nRequested-by: root")).toBe(good.sub);
  expect(await nameOf(undefined)).toBe(good.sub);
  expect(await nameOf("x".repeat(900))).toHaveLength(200);
});

const part = (value: unknown): string => base64url.encode(JSON.stringify(value));
const unsigned = (header: object, claims: object = good): string => `${part(header)}.${part(claims)}.`;

describe("a forged token does not count:", () => {
  const forged: Record<string, () => string | Promise<string>> = {
    "no algorithm": () => unsigned({ alg: "none", typ: "JWT" }),
    "no algorithm, spelled otherwise": () => unsigned({ alg: "nOnE" }),
    "no algorithm, with a signature that is one": async () =>
      `${part({ alg: "none" })}.${(await sign()).split(".").slice(1).join(".")}`,
    "signed with the public key as a secret": async () => {
      const text = `${part({ alg: "HS256", kid: "k1" })}.${part(good)}`;
      const secret = await exportSPKI(ours.publicKey);
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    },
    "signed with the key set as a secret": () => {
      const text = `${part({ alg: "HS256", kid: "k1" })}.${part(good)}`;
      const secret = JSON.stringify(publicKeys.get(issuer)?.[0]);
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    },
    "another's key of the same name": () => sign({ key: theirs.privateKey }),
    "another's key under another issuer's name": () =>
      sign({ key: theirs.privateKey, claims: { iss: issuer } }),
    "a key that is not there": () => sign({ header: { kid: "k2" } }),
    "a key of another kind": () => sign({ header: { kid: "ec" } }),
    "an algorithm that is not allowed here": () =>
      sign({ header: { alg: "PS256", kid: "pss" }, key: pss.privateKey }),
    "an allowed key, an algorithm that is not": () =>
      sign({ header: { alg: "ES256", kid: "ec" }, key: curve.privateKey }),
    "its own key in the header": async () =>
      sign({ key: theirs.privateKey, header: { jwk: await exportJWK(theirs.publicKey) } }),
    "a key to be fetched (jku)": () => sign({ key: theirs.privateKey, header: { jku: `${other}/keys` } }),
    "a certificate to be fetched (x5u)": () =>
      sign({ key: theirs.privateKey, header: { x5u: `${other}/cert.pem` } }),
    "a certificate in the header (x5c)": () => sign({ key: theirs.privateKey, header: { x5c: ["AAAA"] } }),
    "a key name that is a path": () => sign({ key: theirs.privateKey, header: { kid: "../../k1" } }),
    "a header that must be understood": () => sign({ header: { crit: ["odd"], odd: 1 } }),
    "another purpose": () => sign({ header: { typ: "logout+jwt" } }),
    expired: () => sign({ claims: { exp: nowSeconds - 3_600 } }),
    "not valid yet": () => sign({ claims: { nbf: nowSeconds + 3_600 } }),
    "no end": () => sign({ claims: { exp: undefined } }),
    "an end that is no number": () => sign({ claims: { exp: "never" } }),
    "another audience": () => sign({ claims: { aud: "sts.example.com" } }),
    "an audience that begins alike": () => sign({ claims: { aud: "slipway-test" } }),
    "no audience": () => sign({ claims: { aud: undefined } }),
    "an issuer that nobody knows": () => sign({ claims: { iss: "https://evil.example.com" } }),
    "an issuer that begins alike": () => sign({ claims: { iss: `${issuer}.evil.com` } }),
    "an issuer with a slash more": () => sign({ claims: { iss: `${issuer}/` } }),
    "no issuer": () => sign({ claims: { iss: undefined } }),
    "an issuer that is a list": () => sign({ claims: { iss: [issuer] } }),
    "another known issuer's": () => sign({ claims: { iss: other, sub: "bob" } }),
    "no subject": () => sign({ claims: { sub: undefined } }),
    "an empty subject": () => sign({ claims: { sub: "" } }),
    "a subject of control characters": () => sign({ claims: { sub: "a\u0000b" } }),
    "a long subject": () => sign({ claims: { sub: "x".repeat(300) } }),
    "claims changed after signing": async () => {
      const [header = "", , signature = ""] = (await sign()).split(".");
      return `${header}.${part({ ...good, repository: "octo/admin" })}.${signature}`;
    },
    "a header changed after signing": async () => {
      const [, claims = "", signature = ""] = (await sign()).split(".");
      return `${part({ alg: "RS256", kid: "k1", x: 1 })}.${claims}.${signature}`;
    },
    "a signature cut off": async () => (await sign()).split(".").slice(0, 2).join("."),
    "an empty signature": async () => `${(await sign()).split(".").slice(0, 2).join(".")}.`,
    "a part too many": async () => `${await sign()}.x`,
    "a token in a token": async () => {
      const inner = await sign();
      const text = `${part({ alg: "RS256", kid: "k1", cty: "JWT" })}.${base64url.encode(inner)}`;
      return `${text}.${inner.split(".")[2]}`;
    },
    encrypted: () =>
      new CompactEncrypt(Buffer.from(JSON.stringify(good)))
        .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
        .encrypt(oaep.publicKey),
    "claims that are a list": () => unsigned({ alg: "RS256", kid: "k1" }, [good]),
    "claims that are no JSON": () => `${part({ alg: "RS256", kid: "k1" })}.${base64url.encode("{")}.AAAA`,
    "deep claims": () =>
      unsigned({ alg: "RS256", kid: "k1" }, JSON.parse(`${"[".repeat(900)}${"]".repeat(900)}`)),
    "unencoded claims (b64)": () => unsigned({ alg: "RS256", kid: "k1", b64: false, crit: ["b64"] }),
    nothing: () => "eyJ.",
  };

  test.each(Object.keys(forged))("%s", async (name) => {
    const token = (await forged[name]?.()) ?? "";
    expect(await refusal(token)).toBe("UNAUTHENTICATED");
  });
});

test("what is no identity token is none of ours to judge", () => {
  expect(identities.isOurs("slw_0123")).toBe(false);
  expect(identities.isOurs("eyJhbGciOiJub25lIn0.e30.")).toBe(true);
});
