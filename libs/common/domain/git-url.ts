import { SlipwayError } from "./errors.ts";

/** Which transports a config repository may use besides https and ssh. */
export interface GitUrlRules {
  /** Plain http, only where the settings say so (the sandbox, a host in the same cluster). */
  readonly allowHttp?: boolean;
  /** A path on this machine: unit tests alone. */
  readonly allowFile?: boolean;
}

interface GitUrlParts {
  readonly scheme: "https" | "http" | "ssh" | "file";
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

const longestUrl = 2000;
const longestBranch = 200;
const schemes = new Set(["https", "http", "ssh", "file"]);
const defaultPorts: Readonly<Record<string, string>> = { https: "443", http: "80", ssh: "22" };

/** Refuses a URL that git could read as an option, a helper program or a transport that is not allowed. */
export function checkGitUrl(url: string, rules: GitUrlRules = {}): void {
  const { scheme } = partsOf(url);
  if (scheme === "http" && rules.allowHttp !== true) {
    throw invalidUrl("plain http is off for this repository; set allowHttp to permit it");
  }
  if (scheme === "file" && rules.allowFile !== true) throw invalidUrl("use https or ssh");
  if ((scheme === "https" || scheme === "http") && /^[a-z]+:\/\/[^/]*@/i.test(url)) {
    throw invalidUrl("a credential does not belong into the URL; use username and tokenFile");
  }
}

/**
 * One spelling for all the ways to write the same repository: host in lower case, no default port,
 * no user, no trailing slash or `.git`. Only a key: git itself is always given the URL as it was written.
 */
export function normaliseGitUrl(url: string): string {
  const { scheme, host, port, path } = partsOf(url);
  const shownPort = port === "" || port === defaultPorts[scheme] ? "" : `:${port}`;
  return `${scheme}://${host.toLowerCase()}${shownPort}${cleanPath(path)}`;
}

function cleanPath(path: string): string {
  return path
    .replace(/\/{2,}/g, "/")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .replace(/\/+$/, "");
}

/** How git reaches a URL; undefined where it is no usable URL. */
export function transportOf(url: string): GitUrlParts["scheme"] | undefined {
  return tryPartsOf(url)?.scheme;
}

/**
 * Whether two URLs that are spelt differently (https and ssh, another port for another transport) may lead to one
 * repository: their lanes would differ while branch and lane ref are the same. One spelling of it is no such pair.
 */
export function mayShareRepository(a: string, b: string): boolean {
  const [one, two] = [tryPartsOf(a), tryPartsOf(b)];
  if (one === undefined || two === undefined || normaliseGitUrl(a) === normaliseGitUrl(b)) return false;
  if (one.scheme === two.scheme) return false;
  return one.host.toLowerCase() === two.host.toLowerCase() && cleanPath(one.path) === cleanPath(two.path);
}

/** What a lane is keyed by: everything that pushes to this branch takes turns. */
export function laneKey(url: string, branch: string): string {
  checkBranchName(branch);
  return `${normaliseGitUrl(url)}#${branch}`;
}

/** The lane's own ref at the git host, moved together with the branch by each push. */
export function laneRefName(installation: string, branch: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(installation)) {
    throw new SlipwayError("SETTINGS_INVALID", { detail: `"${installation}" is not an installation name` });
  }
  checkBranchName(branch);
  return `refs/slipway/${installation}/${branch}`;
}

/** The branch that takes the place of a lane ref at hosts that accept nothing but branches. */
export function laneBranchOf(laneRef: string): string {
  const [, rest] = /^refs\/(slipway\/.+)$/.exec(laneRef) ?? [];
  if (rest === undefined) throw new SlipwayError("INTERNAL", { detail: `${laneRef} is not a lane ref` });
  return `refs/heads/${rest}`;
}

/** Refuses what `git check-ref-format` refuses for a branch, and a leading dash. */
export function checkBranchName(branch: string): void {
  if (!isRefPath(branch) || branch.length > longestBranch || branch === "@" || branch === "HEAD") {
    throw new SlipwayError("SETTINGS_INVALID", { detail: `${JSON.stringify(branch)} is not a branch name` });
  }
}

/** Refuses a full ref name (`refs/…`) that git would not accept. */
export function checkRefName(ref: string): void {
  if (!ref.startsWith("refs/") || !isRefPath(ref) || ref.length > 2 * longestBranch) {
    throw new SlipwayError("SETTINGS_INVALID", { detail: `${JSON.stringify(ref)} is not a ref name` });
  }
}

function isRefPath(text: string): boolean {
  if (text === "" || text.startsWith("-") || text.endsWith(".")) return false;
  if (hasControl(text) || /[ ~^:?*[\\]/.test(text) || text.includes("..") || text.includes("@{"))
    return false;
  return text.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}

function tryPartsOf(url: string): GitUrlParts | undefined {
  try {
    return partsOf(url);
  } catch (cause) {
    // Not usable at all: `checkGitUrl` says so, with the reason.
    if (cause instanceof SlipwayError) return undefined;
    throw cause;
  }
}

function partsOf(url: string): GitUrlParts {
  if (url === "" || url.length > longestUrl) throw invalidUrl("it is empty or too long");
  if (hasControl(url) || /[\s"'`\\<>]/.test(url))
    throw invalidUrl("it holds a blank, quote or control character");
  if (url.startsWith("-")) throw invalidUrl("it begins with a dash");
  if (/^[^/]*::/.test(url)) throw invalidUrl("git's helper transports are not allowed");
  if (url.includes("?") || url.includes("#")) throw invalidUrl("it has a query or a fragment");
  if (url.startsWith("/")) return { scheme: "file", host: "", port: "", path: url };
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? partsOfUrl(url) : partsOfShort(url);
}

function partsOfUrl(url: string): GitUrlParts {
  const [, name = "", authority = "", path = ""] = /^([^:]+):\/\/([^/]*)(.*)$/.exec(url) ?? [];
  const scheme = name.toLowerCase();
  if (!isScheme(scheme)) throw invalidUrl(`"${scheme}" is not a transport we use`);
  if (path === "" || path === "/") throw invalidUrl("it names no repository");
  if (scheme === "file") {
    if (authority !== "") throw invalidUrl("a file URL has no host");
    return { scheme, host: "", port: "", path };
  }
  const [, user = "", host = "", port = ""] =
    /^(?:([^@]*)@)?(\[[0-9a-f:.]+\]|[^:@[\]]+)(?::(\d{1,5}))?$/i.exec(authority) ?? [];
  checkHost(host, user);
  return { scheme, host, port, path };
}

/** The short form of ssh: `git@host:path`. */
function partsOfShort(url: string): GitUrlParts {
  const [, user = "", host = "", path = ""] = /^(?:([^@/:]+)@)?([^@/:]+):(.+)$/.exec(url) ?? [];
  if (host === "") throw invalidUrl("it is neither a URL nor user@host:path");
  checkHost(host, user);
  if (path.startsWith("-")) throw invalidUrl("its path begins with a dash");
  return { scheme: "ssh", host, port: "", path: path.startsWith("/") ? path : `/${path}` };
}

function checkHost(host: string, user: string): void {
  // A host or user with a leading dash would reach ssh as an option.
  if (user.startsWith("-")) throw invalidUrl("its user begins with a dash");
  if (/^\[[0-9a-f:.]+\]$/i.test(host)) return;
  if (!/^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?$/i.test(host)) throw invalidUrl("it has no valid host");
}

function isScheme(text: string): text is GitUrlParts["scheme"] {
  return schemes.has(text);
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** The URL itself is not repeated: it may hold a credential. */
function invalidUrl(why: string): SlipwayError {
  return new SlipwayError("SETTINGS_INVALID", { detail: `the repository URL is not usable: ${why}` });
}
