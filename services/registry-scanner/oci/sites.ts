import { SlipwayError } from "#common/domain/errors.ts";
import type { RegistrySettings, RepositoryRef } from "./types.ts";

/** Where a registry host is spoken to, and by what connections. */
export interface Site {
  /** Canonical; credentials are bound to it. */
  readonly host: string;
  /** Ends with `/v2/`. */
  readonly baseUrl: URL;
  readonly network: Network;
}

/** How connections on behalf of a registry are made. */
export type Network = Pick<RegistrySettings, "ca" | "clientCertificate" | "proxy">;

/** Finds the site of a host. */
export interface Sites {
  of(host: string): Site;
  ofRepository(repository: RepositoryRef): Site;
}

const plainNetwork: Network = {};

const dockerHubNames = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;
const pathPattern = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Hosts without settings are spoken to over https. */
export function createSites(registries: readonly RegistrySettings[]): Sites {
  const configured = new Map(registries.map((settings) => [canonicalHost(settings.host), siteOf(settings)]));
  const of = (host: string): Site => {
    if (!hostPattern.test(host)) throw imageRefInvalid(`"${host}" is not a registry host`);
    const name = canonicalHost(host);
    return configured.get(name) ?? siteOf({ host: name });
  };
  return {
    of,
    ofRepository({ host, path }) {
      const site = of(host);
      if (path.length > 255 || !pathPattern.test(path))
        throw imageRefInvalid(`"${path}" is not a repository`);
      return site;
    },
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

/** The name a registry host goes by, whichever of its names is given. */
export function canonicalHost(host: string): string {
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
  const { ca, clientCertificate, proxy } = settings;
  const isPlain = ca === undefined && clientCertificate === undefined && proxy === undefined;
  return { host: name, baseUrl, network: isPlain ? plainNetwork : { ca, clientCertificate, proxy } };
}

function imageRefInvalid(detail: string): SlipwayError {
  return new SlipwayError("IMAGE_REF_INVALID", { detail });
}
