import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "vitest";

import { spiffeId } from "#common/contracts/grpc-peers.ts";

import { openCertificates, readCertificateFiles, serviceOf } from "./grpc-certificates.ts";
import type { CertificateFiles } from "./grpc-certificates.ts";
import { envReader } from "./env.ts";
import { issue, makeAuthority } from "./issue-certificates.ts";
import type { Pair } from "./issue-certificates.ts";
import { silentLog } from "./log.ts";

const folders: string[] = [];
const days = 2;
const now = new Date();

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function put(parts: { ca?: string; cert?: string; key?: string }): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-certificates-"));
  folders.push(folder);
  const files = { caFile: join(folder, "ca"), certFile: join(folder, "cert"), keyFile: join(folder, "key") };
  await replace(files, parts);
  return files;
}

async function replace(files: CertificateFiles, parts: { ca?: string; cert?: string; key?: string }) {
  if (parts.ca !== undefined) await writeFile(files.caFile, parts.ca);
  if (parts.key !== undefined) await writeFile(files.keyFile, parts.key);
  if (parts.cert !== undefined) await writeFile(files.certFile, parts.cert);
}

async function named(ca: Pair, ...urls: readonly string[]): Promise<Pair> {
  const names = urls.map((value) => ({ type: "url" as const, value }));
  return issue(ca, { commonName: "one", names }, { now, days });
}

const ca = await makeAuthority("test", { now, days });
const api = await named(ca, spiffeId("api"));

test("a certificate proves the one service whose URI name it holds", async () => {
  const proved = async (...urls: readonly string[]) =>
    serviceOf(new X509Certificate((await named(ca, ...urls)).cert));
  expect(await proved(spiffeId("api"))).toBe("api");
  expect(await proved("spiffe://slipway/apis")).toBeUndefined();
  expect(await proved("spiffe://other/api")).toBeUndefined();
  expect(await proved("https://x/, URI:spiffe://slipway/api")).toBeUndefined();
  expect(await proved(spiffeId("api"), spiffeId("release-worker"))).toBeUndefined();
  const host = await issue(
    ca,
    { commonName: "spiffe://slipway/api", names: [{ type: "dns", value: "api" }] },
    { now, days },
  );
  expect(serviceOf(new X509Certificate(host.cert))).toBeUndefined();
});

test("files that cannot be used are refused by name, with what to do", async () => {
  const open = async (parts: { ca?: string; cert?: string; key?: string }) => {
    const files = await put(parts);
    return () => openCertificates({ files, log: silentLog });
  };
  const old = await issue(
    ca,
    { commonName: "api", names: [{ type: "url", value: spiffeId("api") }] },
    { now: new Date(now.getTime() - 10 * 86_400_000), days: 2 },
  );
  const other = await named(ca, spiffeId("api"));
  const good = { ca: ca.cert, ...api };
  expect(await open({ ca: ca.cert, cert: api.cert })).toThrow(/key cannot be read/);
  expect(await open({ ...good, ca: "no PEM" })).toThrow(/ca is not PEM/);
  expect(await open({ ...good, key: other.key })).toThrow(/it is not the key of/);
  expect(await open({ ca: ca.cert, ...old })).toThrow(/it ended 20/);
  expect(await open({ ca: ca.cert, ...(await named(ca, "https://a.example.com")) })).toThrow(/no URI name/);
  expect(await open(good)).not.toThrow();
});

test("a replaced certificate is told to who listens; half a change and a stranger's are not", async () => {
  const files = await put({ ca: ca.cert, ...api });
  const certificates = openCertificates({ files, log: silentLog });
  const told: string[] = [];
  const first = Promise.withResolvers<void>();
  certificates.addIdentityCertificateListener((update) => {
    told.push(update?.certificate.toString() ?? "nothing");
    first.resolve();
  });
  await first.promise;
  const next = await named(ca, spiffeId("api"));
  await replace(files, { key: next.key });
  await certificates.reload();
  expect(told).toEqual([api.cert]);
  await replace(files, { cert: next.cert });
  await certificates.reload();
  await certificates.reload();
  expect(told).toEqual([api.cert, next.cert]);
  await replace(files, await named(ca, spiffeId("release-worker")));
  await certificates.reload();
  expect(told).toHaveLength(2);
});

test("the three files are given together or not at all", () => {
  const read = (env: Record<string, string>) => {
    const reader = envReader(env);
    return reader.done({ files: readCertificateFiles(reader) }).files;
  };
  expect(read({})).toBeUndefined();
  expect(() => read({ SLIPWAY_TLS_CA_FILE: "a", SLIPWAY_TLS_KEY_FILE: "b" })).toThrow(
    /SLIPWAY_TLS_CERT_FILE is missing/,
  );
});
