import { filterFault } from "./tag-filter.ts";

/** What people wrote about a workload in its annotations. */
export interface Policies {
  readonly automated: boolean;
  readonly locked: boolean;
  readonly lockedMessage?: string;
  readonly lockedBy?: string;
  readonly ignore: boolean;
  /** Why automation is stopped; present means stopped. */
  readonly hold?: string;
  /** Container to tag filter, as written. */
  readonly tags: Readonly<Record<string, string>>;
}

/** The prefixes we understand, the strongest first. */
export const policyPrefixes = ["slipway.dev", "fluxcd.io", "flux.weave.works"] as const;

export type PolicyPrefix = (typeof policyPrefixes)[number];

/** Reads the annotations; where two prefixes disagree the stronger one counts. */
export function readPolicies(annotations: Readonly<Record<string, string>>): Policies {
  const found = strongest(annotations);
  const lockedMessage = found.get("locked_msg")?.value;
  const lockedBy = found.get("locked_user")?.value;
  const hold = readHold(found.get("hold")?.value);
  return {
    automated: found.get("automated")?.value === "true",
    locked: found.get("locked")?.value === "true",
    ...(lockedMessage === undefined ? {} : { lockedMessage }),
    ...(lockedBy === undefined ? {} : { lockedBy }),
    ignore: found.get("ignore")?.value === "true",
    ...(hold === undefined ? {} : { hold }),
    tags: readTags(found),
  };
}

/** The keys on which two prefixes say different things, for a warning. */
export function policyDisagreements(annotations: Readonly<Record<string, string>>): readonly string[] {
  const said = new Map<string, string>();
  const disagreed = new Set<string>();
  for (const { key, value } of policyEntries(annotations)) {
    if ((said.get(key) ?? value) !== value) disagreed.add(key);
    said.set(key, value);
  }
  return [...disagreed].sort();
}

/** The strongest prefix the annotations already use; undefined when they hold no policy. */
export function prefixInUse(annotations: Readonly<Record<string, string>>): PolicyPrefix | undefined {
  const used = new Set(policyEntries(annotations).map((entry) => entry.prefix));
  return policyPrefixes.find((prefix) => used.has(prefix));
}

/** What is wrong with the policies that stand in annotations, for a report; reading them never fails. */
export function policyFaults(
  annotations: Readonly<Record<string, string>>,
): readonly { readonly annotation: string; readonly message: string }[] {
  const disagreed = new Set(policyDisagreements(annotations));
  return Object.entries(annotations).flatMap(([annotation, value]) => {
    const entry = policyEntry(annotation, value);
    const fault =
      entry === undefined ? unknownFault(annotation) : (policyFault(entry.key, value) ?? disagreement(entry));
    return fault === undefined ? [] : [{ annotation, message: fault }];
  });

  function disagreement({ key, prefix }: PolicyEntry): string | undefined {
    const counts = strongest(annotations).get(key);
    if (!disagreed.has(key) || counts === undefined || counts.prefix === prefix) return undefined;
    return `${key} says something else under ${counts.prefix}, which counts`;
  }
}

/** Under our own prefix a key nobody knows is a slip; the others had more keys than we read. */
function unknownFault(annotation: string): string | undefined {
  const prefix = `${policyPrefixes[0]}/`;
  if (!annotation.startsWith(prefix)) return undefined;
  return `"${annotation.slice(prefix.length)}" is no policy (${policyKeys})`;
}

/** Whether an annotation is a policy, or a slip under our own prefix. */
export function isPolicyName(annotation: string): boolean {
  return policyEntry(annotation, "") !== undefined || annotation.startsWith(`${policyPrefixes[0]}/`);
}

/** The names a key may have under a prefix, the one we write first. */
export function policyNames(prefix: PolicyPrefix, key: string): readonly string[] {
  const name = `${prefix}/${key}`;
  return key.startsWith("tag.") ? [name, `filter.${prefix}/${key.slice("tag.".length)}`] : [name];
}

/** What is wrong with a policy that is to be written; null takes one away. */
export function policyFault(key: string, value: string | null): string | undefined {
  if (!knownKey.test(key)) return `"${key}" is no policy (${policyKeys})`;
  // An annotation's name is at most 63 characters after its prefix, of the same kind as a label's.
  if (key.length > 63 || !/^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?$/.test(key)) {
    return `"${key}" cannot be the name of an annotation`;
  }
  if (value === null) return undefined;
  if (switches.has(key) && value !== "true" && value !== "false") return `${key} is "true" or "false"`;
  if (value.length > longestValue) return `${key} is longer than ${longestValue} characters`;
  if (!value.isWellFormed()) return `${key} is not text`;
  const fault = key.startsWith("tag.") ? filterFault(value) : undefined;
  return fault === undefined ? undefined : `${key}: ${fault}`;
}

const switches: ReadonlySet<string> = new Set(["automated", "locked", "ignore"]);
const policyKeys = "automated, locked, locked_msg, locked_user, ignore, hold, tag.CONTAINER";
const longestValue = 4096;

interface PolicyEntry {
  readonly prefix: PolicyPrefix;
  /** Without the prefix: "automated", "tag.web". */
  readonly key: string;
  readonly value: string;
}

const knownKey = /^(?:automated|locked|locked_msg|locked_user|ignore|hold|tag\..+)$/s;

function strongest(annotations: Readonly<Record<string, string>>): Map<string, PolicyEntry> {
  const found = new Map<string, PolicyEntry>();
  for (const entry of policyEntries(annotations)) {
    const before = found.get(entry.key);
    if (before === undefined || rank(entry) < rank(before)) found.set(entry.key, entry);
  }
  return found;
}

function rank(entry: PolicyEntry): number {
  return policyPrefixes.indexOf(entry.prefix);
}

function policyEntries(annotations: Readonly<Record<string, string>>): readonly PolicyEntry[] {
  return Object.entries(annotations).flatMap(([name, value]) => {
    const entry = policyEntry(name, value);
    return entry === undefined ? [] : [entry];
  });
}

/** Flux spells a filter both `fluxcd.io/tag.web` and `filter.fluxcd.io/web`. */
function policyEntry(name: string, value: string): PolicyEntry | undefined {
  for (const prefix of policyPrefixes) {
    const filter = `filter.${prefix}/`;
    if (name.startsWith(filter) && name.length > filter.length) {
      return { prefix, key: `tag.${name.slice(filter.length)}`, value };
    }
    const key = name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : "";
    if (knownKey.test(key)) return { prefix, key, value };
  }
  return undefined;
}

/** A hold is its reason; "false" and nothing take it away, so that a weaker prefix can be overruled. */
function readHold(value: string | undefined): string | undefined {
  return value === undefined || value === "" || value === "false" ? undefined : value;
}

function readTags(found: ReadonlyMap<string, PolicyEntry>): Readonly<Record<string, string>> {
  const tags = [...found].filter(([key]) => key.startsWith("tag."));
  return Object.fromEntries(tags.map(([key, entry]) => [key.slice("tag.".length), entry.value]));
}
