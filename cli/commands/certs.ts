import { relative, resolve } from "node:path";

import type { Command } from "commander";

import { serviceNames } from "#common/contracts/grpc-peers.ts";

import { tableLines } from "../print/table.ts";
import { usageProblem } from "../problem.ts";
import { show } from "../session.ts";

import type { CommandDeps } from "./common.ts";
import { addOutputOptions } from "./manifest-options.ts";
import type { OfflineOptions } from "./manifest-options.ts";

interface CertsFlags extends OfflineOptions {
  readonly days: string;
  readonly server: readonly string[];
  readonly newAuthority?: true;
  readonly spread?: string;
}

const longestDays = 3_650;
const taken: ReadonlySet<string> = new Set(["ca", ...serviceNames]);

/** `certs`: an authority and a certificate for each service, for gRPC between machines. */
export function addCerts(program: Command, deps: CommandDeps): void {
  const certs = program
    .command("certs")
    .argument("[folder]", "where to write them", "certs")
    .summary("make an authority and certificates for the services")
    .description(
      "Writes ca.crt, and for each service a certificate that proves its name to the others. Run it again to renew them: the authority stays, and running services read their files anew within ten seconds. Give each service SLIPWAY_TLS_CA_FILE, SLIPWAY_TLS_CERT_FILE and SLIPWAY_TLS_KEY_FILE. Keep ca.key where none of them can read it.",
    )
    .option("--days <days>", "how long the certificates are good", "365")
    .option("--new-authority", "replace the authority: every certificate must follow")
    .option(
      "--server <name=hosts>",
      "a certificate for another server, as redis=redis,127.0.0.1 (may be repeated)",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option("--spread <folder>", "also give each service a folder of its own there: ca.crt, tls.crt, tls.key")
    .addHelpText(
      "after",
      "\nExamples:\n  slipway certs /etc/slipway/certs\n  slipway certs --days 90 --server redis=redis.shop.svc",
    );
  addOutputOptions(certs).action(async function runCerts(this: Command, folder: string) {
    const flags = this.opts<CertsFlags>();
    const { io } = deps;
    // Loaded here alone: nothing else of the command line needs a library for certificates.
    const { spreadCertificates, writeCertificates } = await import("../write-certificates.ts");
    const written = await writeCertificates({
      folder: resolve(io.cwd, folder),
      now: io.clock.now(),
      days: readDays(flags.days),
      newAuthority: flags.newAuthority === true,
      servers: Object.fromEntries(flags.server.map(readServer)),
    });
    if (flags.spread !== undefined) {
      await spreadCertificates(resolve(io.cwd, folder), resolve(io.cwd, flags.spread));
    }
    const data = written.map((one) => ({
      ...one,
      certFile: relative(io.cwd, one.certFile),
      keyFile: relative(io.cwd, one.keyFile),
    }));
    const rows = data.map(({ certFile, proves, days, written: isNew }) => [
      certFile,
      proves,
      isNew ? `${days} days` : "kept",
    ]);
    show(
      { io, options: flags },
      {
        data,
        names: data.map(({ certFile }) => certFile),
        lines: () => tableLines([["CERTIFICATE", "PROVES", "GOOD FOR"], ...rows]),
      },
    );
  });
}

function readDays(text: string): number {
  const days = Number(text);
  if (/^\d{1,4}$/.test(text) && days >= 1 && days <= longestDays) return days;
  throw usageProblem(`--days must be a whole number from 1 to ${longestDays}`);
}

function readServer(text: string): readonly [string, readonly string[]] {
  const [, name, hosts = ""] = /^([a-z][a-z0-9-]{0,62})(?:=([A-Za-z0-9.:,*-]+))?$/.exec(text) ?? [];
  if (name === undefined) throw usageProblem(`--server ${text}: a name, or name=host,host`);
  if (taken.has(name)) throw usageProblem(`--server ${name}: that name is one of Slipway's own`);
  return [name, hosts === "" ? [name] : hosts.split(",").filter((host) => host !== "")];
}
