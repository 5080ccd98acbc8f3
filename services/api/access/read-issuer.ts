import type { JSONWebKeySet } from "jose";
import { z } from "zod";

/** What an issuer tells of itself (OpenID Connect Discovery), as far as we need it. */
const discovery = z.object({ issuer: z.string(), jwks_uri: z.url().max(2_000) });

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string().max(20) })).max(100) });

const timeoutMs = 5_000;
const mostBytes = 256 * 1024;

/** The public keys of an issuer, found by its discovery document. */
export async function readIssuerKeys(issuer: string): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(timeoutMs);
  const where = new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const told = discovery.parse(await readJson(where, signal));
  if (told.issuer !== issuer) throw new Error(`it calls itself ${told.issuer.slice(0, 200)}`);
  const keysAt = new URL(told.jwks_uri);
  // An issuer that is reached safely must not send us to keys that are not.
  if (keysAt.protocol !== "https:" && keysAt.origin !== where.origin) {
    throw new Error(`its keys are at ${keysAt.origin}, which is not https`);
  }
  return keySet.parse(await readJson(keysAt, signal));
}

async function readJson(url: URL, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${url.origin}${url.pathname} answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes)
      throw new Error(`${url.origin}${url.pathname} answered more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
