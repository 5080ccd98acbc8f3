import { BlockList, isIP } from "node:net";

/** The proxies an environment names, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY do. */
export interface ProxySettings {
  readonly https?: string;
  readonly http?: string;
  readonly none?: string;
}

/** Which proxy a URL is asked through, by the rules of HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === "https:" ? settings.https : settings.http;
  if (proxy === undefined || proxy === "") return undefined;
  const host = bare(url.hostname);
  if (isLocal(host)) return undefined; // a proxy would reach its own machine, not ours
  return isExcepted({ host, port: portOf(url) }, settings.none ?? "") ? undefined : proxy;
}

/** Names and addresses that mean the machine itself. */
export function isLocal(host: string): boolean {
  const name = bare(host).replace(/\.$/, "");
  return (
    name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127(\.\d+){3}$/.test(name)
  );
}

interface Target {
  readonly host: string;
  readonly port: string;
}

const exceptionLimit = 500;

function isExcepted(target: Target, none: string): boolean {
  const entries = none
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .slice(0, exceptionLimit);
  return entries.some((entry) => entry === "*" || matches(target, entry.toLowerCase()));
}

/** `example.com` and `.example.com` mean the name (the first) and all below it; also addresses, ranges, ports. */
function matches({ host, port }: Target, entry: string): boolean {
  if (entry.includes("/")) return isInRange(host, entry);
  const [, name = entry, only] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (only !== undefined && only !== port) return false;
  const wanted = bare(name).replace(/^\*(?=\.)/, "");
  if (wanted === "") return false;
  return wanted.startsWith(".") ? host.endsWith(wanted) : host === wanted || host.endsWith(`.${wanted}`);
}

function isInRange(host: string, range: string): boolean {
  const [base = "", prefix = ""] = range.split("/", 2);
  const version = isIP(host);
  if (version === 0 || version !== isIP(base) || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (version === 6 ? 128 : 32)) return false;
  const family = version === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(base, Number(prefix), family);
  return list.check(host, family);
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, "");
}

function portOf(url: URL): string {
  if (url.port !== "") return url.port;
  return url.protocol === "https:" ? "443" : "80";
}
