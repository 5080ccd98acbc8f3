import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { serviceNames } from "#common/contracts/grpc-peers.ts";
import { openCertificates } from "#common/kit/grpc-certificates.ts";
import { silentLog } from "#common/kit/log.ts";

import { runSlipway } from "../testing/run.ts";

let cwd = "";

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "slipway-certs-"));
});

afterEach(() => rm(cwd, { recursive: true, force: true }));

const certificate = async (name: string) =>
  new X509Certificate(await readFile(join(cwd, "certs", `${name}.crt`)));

test("certs gives each service a certificate of one authority, with keys for their owner alone", async () => {
  const ran = await runSlipway(["certs", "--server", "redis=redis,127.0.0.1"], { cwd });
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).toMatch(/^CERTIFICATE +PROVES +GOOD FOR\ncerts\/ca\.crt .*3650 days\n/);
  const authority = await certificate("ca");
  for (const service of serviceNames) {
    const at = (end: string): string => join(cwd, "certs", `${service}.${end}`);
    const files = { caFile: join(cwd, "certs", "ca.crt"), certFile: at("crt"), keyFile: at("key") };
    expect(openCertificates({ files, log: silentLog }).service).toBe(service);
    expect((await certificate(service)).verify(authority.publicKey)).toBe(true);
    expect((await stat(files.keyFile)).mode & 0o777).toBe(0o600);
  }
  const redis = await certificate("redis");
  expect([redis.checkHost("redis"), redis.checkIP("127.0.0.1")]).toEqual(["redis", "127.0.0.1"]);
  expect((await certificate("api")).ca).toBe(false);
});

test("certs again renews the services' and keeps the authority, unless a new one is asked for", async () => {
  await runSlipway(["certs"], { cwd });
  const before = [await certificate("ca"), await certificate("api")].map((one) => one.fingerprint256);
  const again = await runSlipway(["certs"], { cwd });
  expect(again.out).toMatch(/certs\/ca\.crt .*kept\n/);
  expect((await certificate("ca")).fingerprint256).toBe(before[0]);
  expect((await certificate("api")).fingerprint256).not.toBe(before[1]);
  await runSlipway(["certs", "--new-authority"], { cwd });
  expect((await certificate("ca")).fingerprint256).not.toBe(before[0]);
});

test("certs refuses what it cannot make sense of, and says what would do", async () => {
  const refusal = async (...args: readonly string[]) => {
    const { code, err, out } = await runSlipway(["certs", ...args], { cwd });
    expect([code, out]).toEqual([2, ""]);
    return err;
  };
  expect(await refusal("--days", "0")).toContain("from 1 to 3650");
  expect(await refusal("--server", "api")).toContain("one of Slipway's own");
  expect(await refusal("--server", "no spaces=x")).toContain("name=host,host");
  await runSlipway(["certs"], { cwd });
  await rm(join(cwd, "certs", "ca.key"));
  expect(await refusal()).toMatch(/ca\.key is missing.*--new-authority/s);
  await writeFile(join(cwd, "file"), "");
  expect(await refusal("file")).toContain("file");
});
