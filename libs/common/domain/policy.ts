import {
  isPolicyKey,
  policyFault,
  policyValueFault,
  readDurationMs,
  readPlatforms,
  unknownKey,
} from "./policy-values.ts";

/** One policy as it stands in an annotation. */
export interface WrittenPolicy {
  /** The whole name: "fluxcd.io/automated". */
  readonly annotation: string;
  readonly value: string;
}

/** What a workload may run and who may change it: its annotations, or those with an environment's rules. */
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
  readonly minAgeMs?: number;
  /** The image must run on each of these. */
  readonly platforms?: readonly string[];
  /** A digest is written with every tag, and followed where the tag moves. */
  readonly pinDigest?: boolean;
  /** Whether automation may choose a lower version. */
  readonly allowDowngrade?: boolean;
  /** Workloads of one group move together or not at all. */
  readonly group?: string;
  readonly autoRollback?: boolean;
  /** For its rollouts. */
  readonly deadlineMs?: number;
  /** Key → how it stands in its annotations, by the prefix that counts; absent where none stands there. */
  readonly written?: Readonly<Record<string, WrittenPolicy>>;
}

/** The prefixes we understand, the strongest first. */
export const policyPrefixes = ["slipway.dev", "fluxcd.io", "flux.weave.works"] as const;

export type PolicyPrefix = (typeof policyPrefixes)[number];

/** Reads the annotations; where two prefixes disagree the stronger one counts. */
export function readPolicies(annotations: Readonly<Record<string, string>>): Policies {
  const found = strongest(annotations);
  const policies = toPolicies(new Map([...found].map(([key, { value }]) => [key, value])));
  if (found.size === 0) return policies;
  const written = [...found].map(([key, { annotation, value }]) => [key, { annotation, value }] as const);
  return { ...policies, written: Object.fromEntries(written) };
}

/** Keys and their values as what they mean. A value that cannot be read means nothing; filters stay as written. */
export function toPolicies(values: ReadonlyMap<string, string>): Policies {
  const isOn = (key: string) => values.get(key) === "true";
  const tags = [...values].filter(([key]) => key.startsWith("tag."));
  return {
    automated: isOn("automated"),
    locked: isOn("locked"),
    ignore: isOn("ignore"),
    tags: Object.fromEntries(tags.map(([key, value]) => [key.slice("tag.".length), value])),
    ...given({
      lockedMessage: values.get("locked_msg"),
      lockedBy: values.get("locked_user"),
      hold: readHold(values.get("hold")),
      minAgeMs: readIn(values, "min_age", readDurationMs),
      platforms: readIn(values, "platform", readPlatforms),
      pinDigest: readIn(values, "pin_digest", readSwitch),
      allowDowngrade: readIn(values, "allow_downgrade", readSwitch),
      group: readIn(values, "group", (value) => value),
      autoRollback: readIn(values, "auto_rollback", readSwitch),
      deadlineMs: readIn(values, "deadline", readDurationMs),
    }),
  };
}

function readIn<T>(
  values: ReadonlyMap<string, string>,
  key: string,
  read: (value: string) => T,
): T | undefined {
  const value = values.get(key);
  return value === undefined || policyValueFault(key, value) !== undefined ? undefined : read(value);
}

function readSwitch(value: string): boolean {
  return value === "true";
}

/** Without what is not there. */
function given<T extends object>(parts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(parts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as { [K in keyof T]?: Exclude<T[K], undefined> };
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
  return unknownKey(annotation.slice(prefix.length));
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

interface PolicyEntry {
  readonly annotation: string;
  readonly prefix: PolicyPrefix;
  /** Without the prefix: "automated", "tag.web". */
  readonly key: string;
  readonly value: string;
}

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
      return { annotation: name, prefix, key: `tag.${name.slice(filter.length)}`, value };
    }
    const key = name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : "";
    if (isPolicyKey(key)) return { annotation: name, prefix, key, value };
  }
  return undefined;
}

/** A hold is its reason; "false" and nothing take it away, so that a weaker prefix can be overruled. */
function readHold(value: string | undefined): string | undefined {
  return value === undefined || value === "" || value === "false" ? undefined : value;
}
