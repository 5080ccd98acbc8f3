import { createHash } from "node:crypto";

import { checkBranchName, checkGitUrl, normaliseGitUrl } from "#common/domain/git-url.ts";

/** The config repository's branch and how to reach it; secrets are already read from their files. */
export interface GitTarget {
  readonly url: string;
  readonly branch: string;
  readonly username?: string;
  readonly token?: string;
  /** For ssh: a key file (mode 0600) and the pinned host keys. */
  readonly ssh?: { readonly keyFile: string; readonly knownHostsFile: string };
  readonly allowHttp?: boolean;
  /** Paths on this machine: unit tests alone. */
  readonly allowFile?: boolean;
}

export interface GitIdentity {
  readonly name: string;
  readonly email: string;
}

/** Refuses a target that git could misread; the first line of defence before any argument list. */
export function checkTarget(target: GitTarget): void {
  checkGitUrl(target.url, target);
  checkBranchName(target.branch);
}

/** The name of a target's cache folder: another URL, credential or branch never shares one. */
export function cacheName(target: GitTarget): string {
  const { username = "", token = "", ssh } = target;
  const parts = [normaliseGitUrl(target.url), target.url, username, token, ssh?.keyFile ?? "", target.branch];
  return `${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24)}.git`;
}

/** Where git, ssh and ssh-keygen are looked for. */
export const usualFolders = "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin";

/** Where git runs: a home of its own, and the search path that finds git and ssh. */
export interface GitPlace {
  readonly home: string;
  readonly searchPath: string;
}

/**
 * For git commands that work on the cache alone. Nothing tells them that blobs may be fetched on demand, so that a
 * missing one is reported as missing instead of being fetched, one by one.
 */
export function localEnvironment(place: GitPlace): Record<string, string> {
  return { ...bareEnvironment(place), GIT_ALLOW_PROTOCOL: "none" };
}

/** For upkeep: local as well, but told that what is missing was left out on purpose. */
export function upkeepEnvironment(place: GitPlace): Record<string, string> {
  return { ...localEnvironment(place), ...configByEnvironment(promisor) };
}

/** For fetch and ls-remote: the target's one transport, its credential by environment, never in argv. */
export function networkEnvironment(target: GitTarget, place: GitPlace): Record<string, string> {
  return environmentWith(target, place, [
    ...promisor,
    // A host that stays silent in the middle: git's own servers send a sign of life every five seconds.
    ["http.lowSpeedLimit", "1"],
    ["http.lowSpeedTime", "30"],
  ]);
}

/**
 * For push: libcurl sends a request again by itself when a connection that it used before ends without an answer. A
 * push that landed would then be answered with "moved". Each request on a connection of its own is never repeated.
 */
export function pushEnvironment(target: GitTarget, place: GitPlace): Record<string, string> {
  const once: Config = [
    [`http.${target.url}.extraHeader`, "Connection: close"],
    ["http.version", "HTTP/1.1"],
  ];
  return environmentWith(target, place, isHttp(target.url) ? once : []);
}

/** The cache's whole configuration file; nothing else configures git (see `bareEnvironment`). */
export function cacheConfig(target: GitTarget): string {
  const tracking = `+refs/heads/${target.branch}:${trackingRef(target.branch)}`;
  return `${fixedConfig}[remote "origin"]
	url = "${target.url}"
	fetch = "${tracking}"
	tagOpt = --no-tags
`;
}

/** Where the cache remembers the branch's tip. */
export function trackingRef(branch: string): string {
  return `refs/remotes/origin/${branch}`;
}

// The fsck exceptions are old warts that big hosts accept as well: refusing them would refuse whole histories.
// A larger postBuffer saves the probing request that git makes before a chunked upload.
const fixedConfig = `[core]
	repositoryformatversion = 0
	bare = true
	hooksPath = /dev/null
	logAllRefUpdates = false
[gc]
	auto = 0
[maintenance]
	auto = false
[fetch]
	writeCommitGraph = false
	recurseSubmodules = false
[fetch "fsck"]
	zeroPaddedFilemode = ignore
	missingSpaceBeforeDate = ignore
	badTimezone = ignore
[push]
	recurseSubmodules = no
[transfer]
	fsckObjects = true
[http]
	followRedirects = false
	postBuffer = 16777216
[protocol]
	version = 2
`;

function bareEnvironment({ home, searchPath }: GitPlace): Record<string, string> {
  return {
    PATH: searchPath,
    HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_LITERAL_PATHSPECS: "1",
  };
}

function protocolOf(url: string): string {
  const [, scheme] = /^([a-z]+):\/\//i.exec(url) ?? [];
  if (scheme !== undefined) return scheme.toLowerCase();
  return url.startsWith("/") ? "file" : "ssh";
}

type Config = readonly (readonly [string, string])[];

const promisor: Config = [
  ["remote.origin.promisor", "true"],
  ["remote.origin.partialclonefilter", "blob:none"],
];

function environmentWith(target: GitTarget, place: GitPlace, extras: Config): Record<string, string> {
  const { url, username, token } = target;
  const entries = [...extras];
  if (token !== undefined && isHttp(url)) {
    const basic = Buffer.from(`${username ?? "git"}:${token}`).toString("base64");
    entries.push([`http.${url}.extraHeader`, `Authorization: Basic ${basic}`]);
  }
  const env = { ...bareEnvironment(place), GIT_ALLOW_PROTOCOL: protocolOf(url) };
  return { ...env, ...configByEnvironment(entries), ...sshEnvironment(target) };
}

function configByEnvironment(entries: Config): Record<string, string> {
  const config: Record<string, string> = { GIT_CONFIG_COUNT: String(entries.length) };
  entries.forEach(([key, value], index) => {
    config[`GIT_CONFIG_KEY_${index}`] = key;
    config[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return config;
}

function isHttp(url: string): boolean {
  return /^https?:/i.test(url);
}

function sshEnvironment({ url, ssh }: GitTarget): Record<string, string> {
  if (protocolOf(url) !== "ssh") return {};
  const strict =
    "-o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 -o ServerAliveCountMax=3";
  // Only the given key and the pinned hosts: none of an agent, of the user, or of the machine.
  const files =
    ssh === undefined ? "" : ` -i ${quoted(ssh.keyFile)} -o UserKnownHostsFile=${quoted(ssh.knownHostsFile)}`;
  const alone = "-o IdentitiesOnly=yes -o IdentityAgent=none -o GlobalKnownHostsFile=/dev/null";
  return { GIT_SSH_COMMAND: `ssh -F /dev/null ${strict} ${alone}${files}`, GIT_SSH_VARIANT: "ssh" };
}

/** GIT_SSH_COMMAND is read by a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
