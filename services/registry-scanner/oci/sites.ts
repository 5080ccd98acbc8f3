import { SlipwayError } from "#common/domain/errors.ts";
import type { RegistrySettings, RepositoryRef } from "./types.ts";

/** Where a registry host is spoken to, and with what credential. */
export interface Site {
  /** Ends with `/v2/`. */
  readonly baseUrl: URL;
  readonly credential?: { readonly username: string; readonly password: string };
}

const dockerHubNames = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;
const pathPattern = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Finds the site of a repository; hosts without settings are spoken to over https, anonymously. */
export function createSites(registries: readonly RegistrySettings[]): (repository: RepositoryRef) => Site {
  const configured = new Map(registries.map((settings) => [canonicalHost(settings.host), siteOf(settings)]));
  return ({ host, path }) => {
    if (!hostPattern.test(host)) throw imageRefInvalid(`"${host}" is not a registry host`);
    if (path.length > 255 || !pathPattern.test(path)) throw imageRefInvalid(`"${path}" is not a repository`);
    const name = canonicalHost(host);
    return configured.get(name) ?? siteOf({ host: name });
  };
}

/** The origins that settings name as endpoints. */
export function endpointOrigins(registries: readonly RegistrySettings[]): ReadonlySet<string> {
  return new Set(
    registries.flatMap(({ endpoint }) => (endpoint === undefined ? [] : [new URL(endpoint).origin])),
  );
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

export function isDigest(text: string): boolean {
  return digestPattern.test(text);
}

export function requireReference(text: string): string {
  if (!isTag(text) && !isDigest(text))
    throw imageRefInvalid(`"${text.slice(0, 140)}" is neither tag nor digest`);
  return text;
}

function canonicalHost(host: string): string {
  const name = host.toLowerCase();
  return dockerHubNames.has(name) ? "docker.io" : name;
}

function siteOf(settings: RegistrySettings): Site {
  const name = canonicalHost(settings.host);
  const host = name === "docker.io" ? "registry-1.docker.io" : name;
  const origin = settings.endpoint ?? `${settings.insecure === true ? "http" : "https"}://${host}`;
  const base = URL.parse(origin);
  if (base === null && settings.endpoint !== undefined) {
    const detail = `the endpoint of registry "${settings.host}" is not a URL`;
    throw new SlipwayError("SETTINGS_INVALID", { detail });
  }
  if (base === null) throw imageRefInvalid(`"${settings.host}" is not a registry host`);
  const baseUrl = new URL(`${base.pathname.replace(/\/+$/, "")}/v2/`, base.origin);
  const { username, password } = settings;
  return {
    baseUrl,
    ...(username !== undefined && password !== undefined && { credential: { username, password } }),
  };
}

function imageRefInvalid(detail: string): SlipwayError {
  return new SlipwayError("IMAGE_REF_INVALID", { detail });
}
