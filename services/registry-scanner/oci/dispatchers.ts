import { getCACertificates } from "node:tls";
import { Agent, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";
import { addressDenied, createGuardedLookup, refuseLiteralAddress } from "#common/kit/address-guard.ts";
import { isLocal, proxyFor } from "#common/kit/proxies.ts";
import type { ProxySettings } from "#common/kit/proxies.ts";
import type { Network, Site } from "./sites.ts";

/** The connections that requests go out by; throws REGISTRY_ADDRESS_DENIED for a URL that may not be asked. */
export interface Dispatchers {
  of(site: Site, url: URL): Dispatcher;
  close(): Promise<void>;
}

export interface DispatcherOptions {
  /** Origins the operator named; only these may have any address. */
  readonly namedOrigins: ReadonlySet<string>;
  readonly allowPrivate: boolean;
  readonly fetchTimeoutMs: number;
  readonly proxy: ProxySettings;
}

/** How one connection is made. */
interface Way {
  readonly network: Network;
  /** To the registry itself, and not to a host that it names. */
  readonly own: boolean;
  /** Whether its address is judged. */
  readonly guarded: boolean;
  readonly proxy: string | undefined;
}

const connections = 16;

/** One pool for each way there is; a way is settings, so there are few. */
export function createDispatchers(o: DispatcherOptions): Dispatchers {
  const pools = new Map<Network, Map<string, Dispatcher>>();

  function poolOf(way: Way): Dispatcher {
    const ofNetwork = pools.get(way.network) ?? new Map<string, Dispatcher>();
    pools.set(way.network, ofNetwork);
    const key = JSON.stringify([way.own, way.guarded, way.proxy ?? null]);
    const known = ofNetwork.get(key);
    if (known !== undefined) return known;
    const fresh = open(way, o);
    ofNetwork.set(key, fresh);
    return fresh;
  }

  return {
    of(site, url) {
      const { network } = site;
      const guarded = !o.namedOrigins.has(url.origin);
      const proxy = network.proxy === undefined ? proxyFor(url, o.proxy) : network.proxy;
      const through = proxy === "none" ? undefined : proxy;
      if (guarded) refuse(url, { ...o, proxied: through !== undefined });
      return poolOf({ network, guarded, proxy: through, own: url.origin === site.baseUrl.origin });
    },
    async close() {
      const all = [...pools.values()].flatMap((ofNetwork) => [...ofNetwork.values()]);
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
}

// A proxy resolves names itself: of those only the plainly local ones can be told here.
function refuse(url: URL, o: { readonly allowPrivate: boolean; readonly proxied: boolean }): void {
  refuseLiteralAddress(url.hostname, o);
  if (o.proxied && isLocal(url.hostname)) throw addressDenied(url.hostname, "loopback");
}

function open({ network, own, guarded, proxy }: Way, o: DispatcherOptions): Dispatcher {
  const limits = { connections, bodyTimeout: o.fetchTimeoutMs, headersTimeout: o.fetchTimeoutMs };
  const timeout = Math.min(10_000, o.fetchTimeoutMs);
  const tls = {
    ...(network.ca !== undefined && { ca: [...getCACertificates("default"), network.ca] }),
    ...(own && network.clientCertificate),
  };
  if (proxy !== undefined) {
    const requestTls = { ...tls, timeout };
    return new ProxyAgent({ ...limits, uri: proxy, requestTls, proxyTls: { timeout } });
  }
  const lookup = guarded ? { lookup: createGuardedLookup(o) } : {};
  return new Agent({ ...limits, connect: { ...tls, timeout, ...lookup } });
}
