import type { Identity } from "#common/contracts/tokens.ts";
import { scopeText } from "#common/domain/access.ts";

import { bad, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** What the answers of a server mean, without asking anything: a judgement each. */

const skewWarnMs = 30_000;
const skewBadMs = 300_000;

/** The server's Date header has whole seconds, so small differences say nothing. */
export function judgeClock(serverDate: string | null, here: { before: Date; after: Date }): Finding {
  const server = Date.parse(serverDate ?? "");
  if (Number.isNaN(server)) return warn("clock", "the server does not tell its time", null);
  const early = here.before.getTime() - (server + 1_000);
  const late = server - here.after.getTime();
  const skewMs = Math.max(0, early, late);
  const side = late > 0 ? "ahead of" : "behind";
  const seconds = Math.round(skewMs / 1_000);
  if (skewMs < skewWarnMs) return ok("clock", "the server's clock and the one here agree");
  const text = `the server's clock is ${seconds} s ${side} the one here`;
  const todo = "set both by NTP: ends of tokens, windows and --since are read by the server's clock";
  return skewMs < skewBadMs ? warn("clock", text, todo) : bad("clock", text, todo);
}

const dayMs = 86_400_000;
const certificateWarnMs = 14 * dayMs;

/** How safely the server is spoken to. */
export function judgeTls(url: string, certificate: { validTo: string } | undefined, now: Date): Finding {
  const { protocol, hostname } = new URL(url);
  if (protocol === "http:") {
    const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
    return isLocal
      ? ok("tls", "plain http, on this machine")
      : warn("tls", "plain http: whoever is on the way can read the token", "put TLS in front of the API");
  }
  const leftMs = Date.parse(certificate?.validTo ?? "") - now.getTime();
  if (Number.isNaN(leftMs)) return ok("tls", "its certificate is believed");
  const days = Math.floor(leftMs / dayMs);
  return leftMs < certificateWarnMs
    ? warn("tls", `its certificate ends in ${days} days`, "renew it")
    : ok("tls", `its certificate is believed, for ${days} more days`);
}

/** Within one minor version both sides know the same words. */
export function judgeVersions(here: string, server: string): Finding {
  if (here === server) return ok("version", `${here}, here and there`);
  const [a, b] = [partsOf(here), partsOf(server)];
  const text = `${here} here, ${server} there`;
  if (a === undefined || b === undefined) return warn("version", text, "is it a build of your own?");
  const older = a.major < b.major || (a.major === b.major && a.minor < b.minor);
  const todo = older ? "take the newer command line" : "bring the server up to this version";
  if (a.major !== b.major || Math.abs(a.minor - b.minor) > 1) return bad("version", text, todo);
  return a.minor === b.minor ? ok("version", text) : warn("version", text, todo);
}

function partsOf(version: string): { major: number; minor: number } | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)\.\d+/.exec(version) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

const cures: readonly (readonly [pattern: RegExp, lost: string, todo: string])[] = [
  [
    /^postgres$/,
    "nothing can be answered or accepted",
    "is Postgres up, and DATABASE_URL of the API right? The API's log says why it was refused",
  ],
  [
    /^queue on redis$/,
    "releases are accepted, and begin up to 2 s later",
    "is Redis up, and REDIS_URL of the API right?",
  ],
  [/^queue /, "releases are accepted, and begin up to 2 s later", "the API's log says why"],
  [
    /^cluster-watcher$/,
    "lists grow old, and rollouts are not judged",
    "is the cluster-watcher up, and its address right in the API? Its log says why",
  ],
  [
    /^registry-scanner$/,
    "new images are not seen",
    "is the registry-scanner up, and its address right in the API? Its log says why",
  ],
  [
    /^release-worker/,
    "without any worker releases wait, and nothing can be planned",
    "is the release-worker up, and its address right in the API? Its log says why",
  ],
];

/** One finding for each part the API leans on, as `/readyz` tells them. */
export function judgeReadiness(dependencies: Readonly<Record<string, string>>): readonly Finding[] {
  return Object.entries(dependencies).map(([full, word]) => {
    const [, name = full, address] = /^(\S+) (\S+:\d+)$/.exec(full) ?? [];
    const who = address === undefined ? "" : `${address} `;
    if (word === "ok") return ok(name, `${who}answers`);
    const [, lost, todo] = cures.find(([pattern]) => pattern.test(name)) ?? [];
    return bad(
      name,
      `${who}does not answer (${word})${lost === undefined ? "" : `: ${lost}`}`,
      todo ?? "the API's log says why",
    );
  });
}

const soonMs = 7 * 86_400_000;

/** Who the token stands for, what it may do where, and whether it ends soon. */
export function judgeIdentity(
  { name, grants, expiresAt }: Identity,
  { names, now }: { readonly names: readonly string[]; readonly now: Date },
): readonly Finding[] {
  const rights = grants.map(({ role, scope }) => `${role} of ${scopeText(scope)}`).join(" and ");
  const text = `counts as "${name}", ${rights}; sees ${names.join(", ") || "no environment"}`;
  const endsSoon = expiresAt !== null && Date.parse(expiresAt) - now.getTime() < soonMs;
  const todo = "slipway token create makes another, as long as this one counts";
  return [ok("token", text), ...(endsSoon ? [warn("token", `it ends at ${expiresAt}`, todo)] : [])];
}
