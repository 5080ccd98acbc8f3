import { createHmac } from "node:crypto";

import { expect, test } from "vitest";

import { isSecret, isSigned, isSignedByRegistry } from "./signature.ts";

const secret = "It's a Secret to Everybody";
const body = Buffer.from("Hello, World!");
const hmac = (key: string | Buffer, over: Buffer | string = body, algorithm = "sha256") =>
  createHmac(algorithm, key).update(over);
const hex = hmac(secret).digest("hex");
const whsec = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const standard = hmac(Buffer.alloc(32, 7), "msg_1.1700000000.Hello, World!").digest("base64");
const stamped = { "webhook-id": "msg_1", "webhook-timestamp": "1700000000" };

test("GitHub's own example is right", () => {
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  expect(isSigned({ headers: { "x-hub-signature-256": signature }, body }, secret)).toBe(true);
});

test.each([
  ["Gitea", { "x-gitea-signature": hex }, secret],
  [
    "Gitea, which also sends GitHub's headers",
    {
      "x-hub-signature": `sha1=${hmac(secret, body, "sha1").digest("hex")}`,
      "x-gitea-signature": hex,
      "x-gogs-signature": hex,
      "x-hub-signature-256": `sha256=${hex}`,
    },
    secret,
  ],
  ["Forgejo", { "x-forgejo-signature": hex }, secret],
  ["Gogs", { "x-gogs-signature": hex }, secret],
  ["Bitbucket", { "x-hub-signature": `sha256=${hex}` }, secret],
  ["GitLab with a secret token", { "x-gitlab-token": secret }, secret],
  ["GitLab with a signing token", { ...stamped, "webhook-signature": `v1,${standard}` }, whsec],
  [
    "a host whose token is being changed",
    { ...stamped, "webhook-signature": `v1,${"A".repeat(43)}= v1,${standard}` },
    whsec,
  ],
])("%s proves that it knows the secret", (_who, headers, with_) => {
  expect(isSigned({ headers, body }, with_)).toBe(true);
});

const upper = hex.toUpperCase();
test.each<[string, Record<string, string | string[]>]>([
  ["nothing", {}],
  ["an empty one", { "x-hub-signature-256": "" }],
  ["no digest", { "x-hub-signature-256": "sha256=" }],
  ["the digest without its prefix", { "x-hub-signature-256": hex }],
  ["a prefix where none belongs", { "x-gitea-signature": `sha256=${hex}` }],
  ["a digest that is too short", { "x-gitea-signature": hex.slice(0, 62) }],
  ["a digest that is too long", { "x-gitea-signature": `${hex}00` }],
  ["a digest with a line after it", { "x-gitea-signature": `${hex}\n` }],
  ["what is no hex", { "x-gitea-signature": "g".repeat(64) }],
  ["one bit off", { "x-gitea-signature": hex.replace(/.$/, (last) => (last === "0" ? "1" : "0")) }],
  ["SHA-1, however right", { "x-hub-signature": `sha1=${hmac(secret, body, "sha1").digest("hex")}` }],
  ["another algorithm under the name of SHA-256", { "x-hub-signature-256": `sha512=${hex}` }],
  ["two at once, joined as Node does", { "x-hub-signature-256": `sha256=${hex}, sha256=${hex}` }],
  ["a list of values", { "x-gitea-signature": [hex] }],
  ["of another secret", { "x-gitea-signature": hmac("another secret, as long").digest("hex") }],
  ["of another body", { "x-gitea-signature": hmac(secret, "Hello, World?").digest("hex") }],
  ["of nothing", { "x-gitea-signature": hmac(secret, "").digest("hex") }],
  ["of an empty secret", { "x-gitea-signature": hmac("").digest("hex") }],
  ["the secret with a blank", { "x-gitlab-token": `${secret} ` }],
  ["half of the secret", { "x-gitlab-token": secret.slice(0, 10) }],
  ["the secret in the header of a signature", { "x-gitea-signature": secret }],
  ["a standard one without its time", { "webhook-id": "msg_1", "webhook-signature": `v1,${standard}` }],
  [
    "a standard one, though the secret is none of that kind",
    { ...stamped, "webhook-signature": `v1,${standard}` },
  ],
])("%s proves nothing", (_what, headers) => {
  expect(isSigned({ headers, body }, secret)).toBe(false);
});

test.each([
  `v2,${standard}`,
  standard,
  `v1,${standard.slice(0, -1)}`,
  "v1,",
  `${"x ".repeat(50)}v1,${standard}`,
])("%j is no standard signature", (signature) => {
  expect(isSigned({ headers: { ...stamped, "webhook-signature": signature }, body }, whsec)).toBe(false);
});

test("hex may be written in capitals, and a secret is itself alone", () => {
  expect(isSigned({ headers: { "x-gitea-signature": upper }, body }, secret)).toBe(true);
  expect(isSecret(secret, secret)).toBe(true);
  for (const other of ["", secret.toLowerCase(), `${secret}x`]) expect(isSecret(other, secret)).toBe(false);
});

test("a registry may send the secret in its Authorization header, written as people write it", () => {
  const isProved = (headers: Record<string, string>) => isSignedByRegistry({ headers, body }, secret);
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
  for (const authorization of [secret, `Bearer ${secret}`, `bearer ${secret}`, basic(`hook:${secret}`)]) {
    expect(isProved({ authorization })).toBe(true);
    expect(isSigned({ headers: { authorization }, body }, secret)).toBe(false);
  }
  expect(isProved({ "x-hub-signature-256": `sha256=${hex}` })).toBe(true);
  const wrong = [
    "",
    "Bearer",
    "Bearer ",
    `Token ${secret}`,
    `Bearer ${secret}x`,
    basic(`${secret}:hook`),
    basic(""),
  ];
  for (const authorization of wrong) expect(isProved({ authorization })).toBe(false);
  expect(isProved({})).toBe(false);
});
