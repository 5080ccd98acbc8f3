import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { serviceNames, spiffeId } from "#common/contracts/grpc-peers.ts";

import { usageProblem } from "./problem.ts";

import { issue, makeAuthority } from "#common/kit/issue-certificates.ts";
import type { Pair, Subject } from "#common/kit/issue-certificates.ts";

export interface CertsOptions {
  readonly folder: string;
  readonly now: Date;
  /** How long the services' certificates are good; the authority's ten times as long. */
  readonly days: number;
  /** Makes a new authority though there is one: every certificate has to be replaced. */
  readonly newAuthority: boolean;
  /** Servers besides ours, such as Redis and Postgres: name to the hosts they are called by. */
  readonly servers: Readonly<Record<string, readonly string[]>>;
}

export interface WrittenCertificate {
  readonly name: string;
  /** What it proves: a service's name, or the hosts of a server. */
  readonly proves: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly days: number;
  /** False for an authority that was there and stays. */
  readonly written: boolean;
}

/** Writes an authority and a certificate for each service; one authority stays for every later run. */
export async function writeCertificates(options: CertsOptions): Promise<readonly WrittenCertificate[]> {
  const { folder, days, now } = options;
  await makeFolder(folder);
  const authority = await openAuthority(options);
  const written: WrittenCertificate[] = [authority.entry];
  for (const { name, proves, subject } of wanted(options)) {
    await writePair(folder, name, await issue(authority.pair, subject, { now, days }));
    written.push({ name, proves, ...filesOf(folder, name), days, written: true });
  }
  return written;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw usageProblem(`${folder} cannot be made (${code})`, "Name a folder that you may write.");
  }
}

interface Wanted {
  readonly name: string;
  readonly proves: string;
  readonly subject: Subject;
}

/**
 * Gives each service a folder of its own below `to` with `ca.crt`, `tls.crt` and `tls.key`, so that none
 * can read the key of another or of the authority.
 */
export async function spreadCertificates(folder: string, to: string): Promise<void> {
  const authority = await readPair(folder, "ca");
  for (const service of serviceNames) {
    const pair = await readPair(folder, service);
    if (pair === undefined || authority === undefined) throw usageProblem(`${folder} holds no certificates`);
    const own = join(to, service);
    await makeFolder(own);
    await replaceFile(join(own, "tls.key"), pair.key, 0o600);
    await replaceFile(join(own, "tls.crt"), pair.cert, 0o644);
    await replaceFile(join(own, "ca.crt"), authority.cert, 0o644);
  }
}

function wanted({ servers }: CertsOptions): readonly Wanted[] {
  const services = serviceNames.map((service) => ({
    name: service,
    proves: spiffeId(service),
    subject: { commonName: service, names: [{ type: "url" as const, value: spiffeId(service) }] },
  }));
  const others = Object.entries(servers).map(([name, hosts]) => ({
    name,
    proves: hosts.join(", "),
    subject: { commonName: name, names: hosts.map(nameOfHost) },
  }));
  return [...services, ...others];
}

function nameOfHost(host: string): { type: "ip" | "dns"; value: string } {
  const isAddress = /^\d{1,3}(\.\d{1,3}){3}$/.test(host) || host.includes(":");
  return { type: isAddress ? "ip" : "dns", value: host };
}

async function openAuthority(options: CertsOptions): Promise<{ pair: Pair; entry: WrittenCertificate }> {
  const { folder, now } = options;
  const days = options.days * 10;
  const entry = { name: "ca", proves: "the authority of all of them", ...filesOf(folder, "ca"), days };
  const kept = options.newAuthority ? undefined : await readPair(folder, "ca");
  if (kept !== undefined) return { pair: kept, entry: { ...entry, written: false } };
  const pair = await makeAuthority("Slipway development authority", { now, days });
  await writePair(folder, "ca", pair);
  return { pair, entry: { ...entry, written: true } };
}

async function readPair(folder: string, name: string): Promise<Pair | undefined> {
  const { certFile, keyFile } = filesOf(folder, name);
  const [cert, key] = await Promise.all([readIfThere(certFile), readIfThere(keyFile)]);
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  const missing = cert === undefined ? certFile : keyFile;
  throw usageProblem(
    `${missing} is missing, and its other half is there`,
    "Put it back, or make a new authority with --new-authority.",
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Each file at once and the key first: who looks in between sees a pair that does not match, and waits. */
async function writePair(folder: string, name: string, pair: Pair): Promise<void> {
  const { certFile, keyFile } = filesOf(folder, name);
  await replaceFile(keyFile, pair.key, 0o600);
  await replaceFile(certFile, pair.cert, 0o644);
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.new`;
  await writeFile(draft, text, { mode });
  await rename(draft, file);
}

function filesOf(folder: string, name: string): { certFile: string; keyFile: string } {
  return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
}
