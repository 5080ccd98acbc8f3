import { readFile, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { serviceNames, type ServiceName } from "#common/contracts/grpc-peers.ts";
import { judgeSettings } from "#common/kit/settings-faults.ts";

import type { Io } from "../io.ts";
import { usageProblem } from "../problem.ts";

import type { InstallSecrets, Overlay, ServiceCertificate } from "./fill.ts";

const largestSecretBytes = 512 * 1024;
const mostFiles = 200;

/** The text of a settings file that the services would take; every mistake is told. */
export async function readSettingsText(io: Io, file: string): Promise<string> {
  const text = await mustRead(resolve(io.cwd, file), file);
  const judged = judgeSettings(text);
  if (judged.ok) return text;
  const faults = judged.faults.map((fault) => `${file}:${fault.line}: ${fault.text}`);
  throw usageProblem(`The services would not start with these settings:\n${faults.join("\n")}`);
}

/** What becomes Secrets: out of the environment, a folder of files, and what `slipway certs` wrote. */
export async function readSecrets(
  io: Io,
  from: { readonly overlay: Overlay; readonly certs: string; readonly files: string | undefined },
): Promise<InstallSecrets> {
  const { SLIPWAY_ADMIN_TOKEN: adminToken = "", ...stores } = readVariables(io.env, from.overlay);
  return {
    stores,
    adminToken,
    files: from.files === undefined ? {} : await readFiles(resolve(io.cwd, from.files), from.files),
    certificates: await readCertificates(resolve(io.cwd, from.certs), from.certs),
  };
}

/** Letters that need no escape in an address. */
const password = /^[A-Za-z0-9._~-]{8,200}$/;

function readVariables(env: Io["env"], overlay: Overlay): Readonly<Record<string, string>> {
  const names = overlay === "small" ? ["POSTGRES_PASSWORD", "REDIS_PASSWORD"] : ["DATABASE_URL", "REDIS_URL"];
  const faults: string[] = [];
  const values = Object.fromEntries(
    [...names, "SLIPWAY_ADMIN_TOKEN"].map((name) => {
      const value = env[name] ?? "";
      if (value === "") faults.push(`${name} is missing`);
      else if (name.endsWith("_URL") && !URL.canParse(value)) faults.push(`${name} must be a URL`);
      else if (!name.endsWith("_URL") && !password.test(value)) {
        faults.push(`${name} must be 8 to 200 letters, digits, or . _ ~ -`);
      }
      return [name, value];
    }),
  );
  const hint = "Give them as environment variables (openssl rand -hex 24), or print --without-secrets.";
  if (faults.length > 0) throw usageProblem(faults.join("; "), hint);
  if (overlay !== "small") return values;
  const { POSTGRES_PASSWORD = "", REDIS_PASSWORD = "" } = values;
  return {
    ...values,
    DATABASE_URL: `postgres://slipway:${POSTGRES_PASSWORD}@slipway-postgres:5432/slipway`,
    REDIS_URL: `redis://:${REDIS_PASSWORD}@slipway-redis:6379`,
  };
}

async function readFiles(folder: string, shown: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw usageProblem(`${shown} cannot be read (${error.code ?? "unknown"})`);
  });
  if (names.length > mostFiles) throw usageProblem(`${shown} holds more than ${mostFiles} files`);
  const entries: [string, string][] = [];
  for (const name of names.toSorted()) {
    const path = join(folder, name);
    const found = await stat(path);
    if (!found.isFile()) continue;
    if (!/^[-._a-zA-Z0-9]+$/.test(name))
      throw usageProblem(`${shown}/${name} is no name for a key of a Secret`);
    if (found.size > largestSecretBytes) throw usageProblem(`${shown}/${name} is larger than 512 KiB`);
    entries.push([name, (await readFile(path)).toString("base64")]);
  }
  return Object.fromEntries(entries);
}

async function readCertificates(
  folder: string,
  shown: string,
): Promise<Readonly<Record<ServiceName, ServiceCertificate>>> {
  const hint = `Make them with: slipway certs ${shown}`;
  const read = (name: string): Promise<string> => mustRead(join(folder, name), `${shown}/${name}`, hint);
  const ca = await read("ca.crt");
  const entries = serviceNames.map(async (service) => {
    const [cert, key] = [await read(`${service}.crt`), await read(`${service}.key`)];
    return [service, { ca, cert, key }] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<ServiceName, ServiceCertificate>;
}

async function mustRead(path: string, shown: string, hint?: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw usageProblem(
      code === "ENOENT" ? `There is no file ${shown}` : `${shown} cannot be read (${code})`,
      hint,
    );
  }
}
