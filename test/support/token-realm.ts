import { execFile } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KeyObject } from "node:crypto";

/** A token server as docker-registry wants one, with the settings that make the registry trust it (besides its certificate). */
export interface TokenRealm {
  readonly url: string;
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

interface Credential {
  readonly username: string;
  readonly password: string;
}

/** File name, in the folder given, of the certificate that holds the realm's key. */
export const realmCertificate = "realm.crt";

const service = "slipway-test-registry";
const issuer = "slipway-test-realm";
const lifetimeS = 300;

/** Starts a token server with a fresh key; needs openssl for the certificate the registry reads the key from. */
export async function startTokenRealm(folder: string, credential: Credential): Promise<TokenRealm> {
  const keyFile = join(folder, "realm.key");
  const certificate = join(folder, realmCertificate);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const subject = ["-x509", "-nodes", "-days", "2", "-subj", `/CN=${issuer}`];
  await promisify(execFile)("openssl", [
    "req",
    ...subject,
    ...curve,
    "-keyout",
    keyFile,
    "-out",
    certificate,
  ]);
  const key = createPrivateKey(await readFile(keyFile));
  const server = createServer((request, response) => {
    const answer = isUser(request, credential) ? tokenFor(request, key) : undefined;
    const headers = { "content-type": "application/json" };
    response.writeHead(answer === undefined ? 401 : 200, headers).end(JSON.stringify(answer ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    settings: { realm: `${url}/token`, service, issuer },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function isUser(request: IncomingMessage, { username, password }: Credential): boolean {
  const wanted = Buffer.from(`${username}:${password}`).toString("base64");
  return request.headers.authorization === `Basic ${wanted}`;
}

function tokenFor(request: IncomingMessage, key: KeyObject) {
  const scopes = new URL(request.url ?? "/", "http://realm").searchParams.getAll("scope");
  const access = scopes.map((scope) => {
    const [type, name, actions = ""] = scope.split(":");
    return { type, name, actions: actions.split(",") };
  });
  const nowS = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: "test",
    aud: service,
    iat: nowS,
    nbf: nowS - 5,
    exp: nowS + lifetimeS,
    access,
  };
  const token = signToken(key, claims);
  return { token, expires_in: lifetimeS };
}

function signToken(key: KeyObject, claims: object): string {
  const header = { typ: "JWT", alg: "ES256", kid: keyId(key) };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part(header)}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

// The registry knows keys by a fingerprint of its own making: 30 bytes of SHA-256 in base 32, in groups of four.
function keyId(key: KeyObject): string {
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  const bits = [...createHash("sha256").update(der).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)],
  );
  return (letters.join("").match(/.{4}/g) ?? []).join(":");
}
