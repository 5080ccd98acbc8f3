import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Headers as Node gives them: names in lower case. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface SignedRequest {
  readonly headers: Headers;
  /** Exactly the bytes that came: a signature is over them. */
  readonly body: Buffer;
}

/** One way in which git hosts prove that they know the secret. */
interface Proof {
  readonly header: string;
  holds(value: string, request: SignedRequest, secret: string): boolean;
}

const proofs: readonly Proof[] = [
  // GitHub; Gitea and Forgejo send it too.
  { header: "x-hub-signature-256", holds: (value, { body }, secret) => isPrefixedHmac(value, body, secret) },
  // Bitbucket. GitHub and Gitea send a SHA-1 under this name, which counts for nothing.
  { header: "x-hub-signature", holds: (value, { body }, secret) => isPrefixedHmac(value, body, secret) },
  { header: "x-gitea-signature", holds: (value, { body }, secret) => isHmac(value, body, secret) },
  { header: "x-forgejo-signature", holds: (value, { body }, secret) => isHmac(value, body, secret) },
  { header: "x-gogs-signature", holds: (value, { body }, secret) => isHmac(value, body, secret) },
  // GitLab's secret token travels as it is; its signing token signs as Standard Webhooks do.
  { header: "x-gitlab-token", holds: (value, _request, secret) => isSecret(value, secret) },
  { header: "webhook-signature", holds: isStandardSignature },
];

/** Whether the sender proved by one of its headers that it knows the secret; takes as long for every wrong one. */
export function isSigned(request: SignedRequest, secret: string): boolean {
  return proofs.some((proof) => {
    const value = textOf(request.headers, proof.header);
    return value !== undefined && proof.holds(value, request, secret);
  });
}

/**
 * As `isSigned`, for registries: most of them cannot sign, but send the header `Authorization` as somebody
 * wrote it, with the secret as it is, as a bearer token or as a password.
 */
export function isSignedByRegistry(request: SignedRequest, secret: string): boolean {
  const sent = textOf(request.headers, "authorization");
  return isSigned(request, secret) || (sent !== undefined && isSecret(secretIn(sent), secret));
}

function secretIn(authorization: string): string {
  const [, scheme = "", value = authorization] = /^(bearer|basic) (.*)$/is.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== "basic") return value;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return pair.slice(pair.indexOf(":") + 1);
}

/** Whether two texts are one, in a time that tells neither their length nor where they part. */
export function isSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(secret));
}

function isPrefixedHmac(value: string, body: Buffer, secret: string): boolean {
  const [, hex] = /^sha256=(.*)$/s.exec(value) ?? [];
  return hex !== undefined && isHmac(hex, body, secret);
}

function isHmac(hex: string, body: Buffer, secret: string): boolean {
  if (!/^[0-9a-f]{64}$/i.test(hex)) return false;
  return timingSafeEqual(Buffer.from(hex, "hex"), createHmac("sha256", secret).update(body).digest());
}

const mostSignatures = 10;

/** `v1,<base64>` over id, time and body, several of them while a token is changed. A replay is harmless here. */
function isStandardSignature(value: string, { headers, body }: SignedRequest, secret: string): boolean {
  const [, key] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const id = textOf(headers, "webhook-id");
  const time = textOf(headers, "webhook-timestamp");
  if (key === undefined || id === undefined || time === undefined) return false;
  const wanted = createHmac("sha256", Buffer.from(key, "base64")).update(`${id}.${time}.`).update(body);
  const digest = wanted.digest();
  return value
    .split(" ", mostSignatures)
    .filter((one) => /^v1,[A-Za-z0-9+/]{43}=$/.test(one))
    .some((one) => timingSafeEqual(Buffer.from(one.slice("v1,".length), "base64"), digest));
}

/** A header that came once. */
function textOf(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
