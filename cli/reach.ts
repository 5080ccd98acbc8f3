import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { ProxySettings } from "#common/kit/proxies.ts";

import { usageProblem } from "./problem.ts";
import type { Target } from "./target.ts";
import type { WireSettings } from "./wire.ts";

interface ReachDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** How a target is reached: the authority it names, and the proxies of the context or of the environment. */
export async function reachOf(target: Target, { env, cwd }: ReachDeps): Promise<WireSettings> {
  const ca = target.caFile === undefined ? undefined : await readAuthority(resolve(cwd, target.caFile));
  return { ca, proxies: proxiesOf(target.proxy, env) };
}

const fileBytesLimit = 1024 * 1024;

/** Certificates in PEM; exit 2 for a file that has none. */
export async function readAuthority(path: string): Promise<string> {
  let text = "";
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    throw usageProblem(`The file of certificates ${path} cannot be read (${String(code)})`);
  }
  if (text.length <= fileBytesLimit && text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw usageProblem(
    `The file ${path} holds no certificate`,
    "wanted: PEM, beginning with -----BEGIN CERTIFICATE-----",
  );
}

function proxiesOf(own: string | undefined, env: ReachDeps["env"]): ProxySettings {
  if (own === "none") return {};
  if (own !== undefined) return { https: own, http: own };
  const read = (name: string) => checkedProxy(name, env[name.toLowerCase()] ?? env[name]);
  const [https, http] = [read("HTTPS_PROXY"), read("HTTP_PROXY")];
  const none = env["no_proxy"] ?? env["NO_PROXY"];
  return {
    ...(https === undefined ? {} : { https }),
    ...(http === undefined ? {} : { http }),
    ...(none === undefined ? {} : { none }),
  };
}

/** A proxy's URL; exit 2 for what is none. Its password, if any, is not shown. */
export function checkedProxy(name: string, text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "https:"].includes(url.protocol)) return text.trim();
  throw usageProblem(`${name} is not the address of an HTTP proxy`, "for example http://proxy.example:3128");
}
