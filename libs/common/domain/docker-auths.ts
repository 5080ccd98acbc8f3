/** Credentials as docker's files hold them: `config.json`, and the two kinds of pull secrets. */

/** A credential under the key it was found by. */
export interface DockerAuth {
  /** As written: a host, a URL, a host with a path, or a pattern such as `*.example.com`. */
  readonly key: string;
  readonly username: string;
  readonly password: string;
  /** Exchanged for access tokens; empty when there is none. */
  readonly identityToken: string;
  /** An access token as it is; empty when there is none. */
  readonly registryToken: string;
}

export interface DockerConfig {
  readonly auths: readonly DockerAuth[];
  /** Programs `docker-credential-<name>` by host; only a file of the operator's may name any. */
  readonly helpers: Readonly<Record<string, string>>;
  /** The program for every other host. */
  readonly store: string | undefined;
}

/** Where an image repository is. */
export interface RepositoryPlace {
  readonly host: string;
  readonly path: string;
}

const entryLimit = 1_000;
const helperName = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/;

/** Reads a `config.json` (or a `.dockerconfigjson`); throws an Error that quotes nothing of it. */
export function parseDockerConfig(text: string): DockerConfig {
  const json = parseObject(text);
  const { credsStore } = json;
  const helpers = Object.entries(objectOf(json["credHelpers"])).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && helperName.test(entry[1]),
  );
  return {
    auths: authsOf(objectOf(json["auths"])),
    helpers: Object.fromEntries(helpers.slice(0, entryLimit)),
    store: typeof credsStore === "string" && helperName.test(credsStore) ? credsStore : undefined,
  };
}

/** Reads a `.dockercfg`, which is the `auths` of a `config.json` alone; throws like it. */
export function parseDockercfg(text: string): readonly DockerAuth[] {
  return authsOf(parseObject(text));
}

/** The credentials meant for a repository, the most particular first. */
export function authsFor<A extends Pick<DockerAuth, "key">>(
  auths: readonly A[],
  place: RepositoryPlace,
): readonly A[] {
  return auths
    .map((auth) => ({ auth, rank: rankOf(auth.key, place) }))
    .filter(({ rank }) => rank !== undefined)
    .toSorted((a, b) => (b.rank ?? 0) - (a.rank ?? 0))
    .map(({ auth }) => auth);
}

/** The helper a `config.json` names for a host. */
export function helperFor(config: DockerConfig, place: RepositoryPlace): string | undefined {
  const named = Object.entries(config.helpers).find(([key]) => rankOf(key, place) !== undefined);
  return named?.[1] ?? config.store;
}

/** What docker calls a registry when it speaks to helpers. */
export function serverAddress(host: string): string {
  return host === hub ? "https://index.docker.io/v1/" : host;
}

const hub = "docker.io";
const hubNames = new Set([hub, "index.docker.io", "registry-1.docker.io"]);

/** How well a key names the repository's place; undefined when it does not. The longer path wins, then the plain host. */
function rankOf(key: string, place: RepositoryPlace): number | undefined {
  const [, rest = ""] = /^(?:https?:\/\/)?(.*?)\/*$/i.exec(key.trim()) ?? [];
  const slash = rest.indexOf("/");
  const host = (slash === -1 ? rest : rest.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? "" : rest.slice(slash + 1);
  const prefix = /^v[12]$/.test(path) ? [] : path.split("/").filter((part) => part !== "");
  const parts = place.path.split("/");
  if (!prefix.every((part, index) => part === parts[index])) return undefined;
  if (!hostMatches(hubNames.has(host) ? hub : host, place.host)) return undefined;
  return prefix.length * 2 + (host.includes("*") ? 0 : 1);
}

/** A star stands for characters of one label, as in pull secrets of Kubernetes. */
function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.includes("*")) return pattern === host;
  const wanted = pattern.split(".");
  const labels = host.split(".");
  return (
    wanted.length === labels.length && wanted.every((part, index) => labelMatches(part, labels[index] ?? ""))
  );
}

function labelMatches(pattern: string, label: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return pattern === label;
  if (!label.startsWith(head) || label.length < head.length + tail.length) return false;
  let at = head.length;
  for (const part of rest) {
    const found = label.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return label.endsWith(tail) && label.length - tail.length >= at;
}

function authsOf(entries: Readonly<Record<string, unknown>>): readonly DockerAuth[] {
  return Object.entries(entries)
    .slice(0, entryLimit)
    .flatMap(([key, value]) => authOf(key, objectOf(value)) ?? []);
}

/** Entries without a credential say that a helper has it. */
function authOf(key: string, entry: Readonly<Record<string, unknown>>): DockerAuth | undefined {
  const [username, password] = nameAndPassword(entry);
  const identityToken = textOf(entry["identitytoken"]);
  const registryToken = textOf(entry["registrytoken"]);
  const isEmpty = identityToken === "" && registryToken === "" && (username === "" || password === "");
  return isEmpty ? undefined : { key, username, password, identityToken, registryToken };
}

function nameAndPassword(entry: Readonly<Record<string, unknown>>): readonly [string, string] {
  const decoded = Buffer.from(textOf(entry["auth"]), "base64").toString("utf8").replace(/\0+$/, "");
  const colon = decoded.indexOf(":");
  if (colon > 0) return [decoded.slice(0, colon), decoded.slice(colon + 1)];
  return [textOf(entry["username"]), textOf(entry["password"])];
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // What JSON.parse says quotes the text, and that holds secrets.
    throw new Error("it is not JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error("it is not a JSON object");
  return json as Readonly<Record<string, unknown>>;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
