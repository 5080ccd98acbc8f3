import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { SignJWT, exportJWK, generateKeyPair } from "jose";
import type { JWK } from "jose";

/** An identity provider on loopback, with the discovery and the keys of a real one. */
export interface LocalIssuer {
  readonly url: string;
  /** How often its keys were read. */
  reads(): number;
  /** A token as it gives them out; claims may replace its own. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** From now on it signs with another key; the old one stays listed unless `withdraw`. */
  rotate(withdraw?: boolean): Promise<void>;
  /** No answer any more; `start` ends that. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startLocalIssuer(): Promise<LocalIssuer> {
  let count = 0;
  let reads = 0;
  let listed: JWK[] = [];
  let signing: { key: CryptoKeyLike; kid: string };
  let port = 0;
  const url = (): string => `http://127.0.0.1:${port}`;
  const server = createServer((request, response) => {
    const isKeys = request.url === "/keys";
    if (isKeys) reads += 1;
    const answer = isKeys ? { keys: listed } : { issuer: url(), jwks_uri: `${url()}/keys` };
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(answer));
  });
  const rotate = async (withdraw = false): Promise<void> => {
    count += 1;
    const kid = `key-${count}`;
    const pair = await generateKeyPair("RS256");
    listed = [
      ...(withdraw ? [] : listed),
      { ...(await exportJWK(pair.publicKey)), kid, alg: "RS256", use: "sig" },
    ];
    signing = { key: pair.privateKey, kid };
  };
  const start = async (): Promise<void> => {
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  };
  await rotate();
  await start();
  return {
    get url() {
      return url();
    },
    reads: () => reads,
    rotate,
    start,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    token: (claims = {}) => {
      const seconds = Math.floor(Date.now() / 1_000);
      const own = { iss: url(), aud: "slipway", sub: "someone", iat: seconds, exp: seconds + 300 };
      const header = { alg: "RS256", kid: signing.kid, typ: "JWT" };
      return new SignJWT({ ...own, ...claims }).setProtectedHeader(header).sign(signing.key);
    },
  };
}

type CryptoKeyLike = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];
