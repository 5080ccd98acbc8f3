import { matchesSelector, parseSelector } from "./label-selector.ts";
import { toPolicies, type Policies } from "./policy.ts";
import { policyKeys, policyValueFault, readDurationMs, readPlatforms } from "./policy-values.ts";
import { filterJoint, filterWarnings } from "./tag-filter.ts";
import { globMatches, parseGlob } from "./tag-glob.ts";
import type { WorkloadId } from "./workload.ts";

/** The platform team's word on the workloads that it names; without `match` on all of an environment. */
export interface PolicyRule {
  readonly match?: {
    /** Globs. */
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    /** A label selector, asked of the labels that git declares. */
    readonly label?: string | undefined;
  };
  /** Policy keys without a prefix; `tag.*` is for every container. */
  readonly set: Readonly<Record<string, string>>;
}

/** The workload that rules are about, as git declares it. */
export interface PolicySubject {
  readonly id: WorkloadId;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly { readonly name: string }[];
  /** Its annotations. */
  readonly policies: Policies;
}

/** Where a word stands. */
export type PolicySource =
  | { readonly kind: "rule"; readonly rule: number; readonly name: string }
  | { readonly kind: "annotation"; readonly name: string };

/** One word on one key, and whether it counts. */
export interface PolicyPart {
  readonly key: string;
  readonly value: string;
  readonly source: PolicySource;
  readonly counts: boolean;
  /** Why it does not, or what came of it together with another. */
  readonly note?: string;
}

export interface EffectivePolicy {
  readonly policies: Policies;
  readonly parts: readonly PolicyPart[];
  /** What is wrong with what is written; while there is anything, nothing is decided automatically. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** The policies that count: an environment's rules, narrowed by the workload's own annotations. */
export function effectivePolicies(rules: readonly PolicyRule[], subject: PolicySubject): Policies {
  if (rules.length === 0) return subject.policies;
  const said = rulesFor(rules, subject);
  if (said.size === 0) return subject.policies;
  const { written } = subject.policies;
  const values = new Map(join(said, wordsOf(subject.policies)).map(({ key, value }) => [key, value]));
  return { ...toPolicies(values), ...(written === undefined ? {} : { written }) };
}

/** The same with the source of each part: what people ask for when they wonder. */
export function explainPolicies(rules: readonly PolicyRule[], subject: PolicySubject): EffectivePolicy {
  const own = wordsOf(subject.policies);
  const joined = join(rulesFor(rules, subject), own);
  const faults = [...own].flatMap(([key, { value }]) => policyValueFault(key, value) ?? []);
  return {
    policies: effectivePolicies(rules, subject),
    parts: joined.flatMap(({ parts }) => parts),
    faults,
    warnings: warningsOf(joined),
  };
}

interface Word {
  readonly value: string;
  readonly source: PolicySource;
}

interface Joined {
  readonly key: string;
  readonly value: string;
  readonly parts: readonly PolicyPart[];
}

/** The last rule that says something of a key counts; of one rule the named container goes before `tag.*`. */
function rulesFor(rules: readonly PolicyRule[], subject: PolicySubject): ReadonlyMap<string, Word> {
  const words = new Map<string, Word>();
  for (const [at, rule] of rules.entries()) {
    if (!isAbout(rule, subject)) continue;
    const source: PolicySource = { kind: "rule", rule: at, name: ruleName(rule, at) };
    const every = rule.set["tag.*"];
    if (every !== undefined) {
      for (const { name } of subject.containers) words.set(`tag.${name}`, { value: every, source });
    }
    for (const [key, value] of Object.entries(rule.set)) {
      const isStray = key.startsWith("tag.") && !subject.containers.some(({ name }) => key === `tag.${name}`);
      if (!isStray) words.set(key, { value, source });
    }
  }
  return words;
}

function isAbout({ match = {} }: PolicyRule, { id, labels }: PolicySubject): boolean {
  const { namespace, name, label } = match;
  return (
    (namespace === undefined || fitsGlob(namespace, id.namespace)) &&
    (name === undefined || fitsGlob(name, id.name)) &&
    (label === undefined || matchesSelector(labels, parseSelector([label])))
  );
}

function fitsGlob(pattern: string, text: string): boolean {
  const glob = parseGlob(pattern);
  return !("fault" in glob) && globMatches(glob, text);
}

/** `policies[1] (namespace team-*, label tier=web)`, as it is found in the settings. */
function ruleName({ match = {} }: PolicyRule, at: number): string {
  const told = Object.entries(match).map(([what, value]) => `${what} ${value}`);
  return told.length === 0 ? `policies[${at}]` : `policies[${at}] (${told.join(", ")})`;
}

function wordsOf({ written = {} }: Policies): ReadonlyMap<string, Word> {
  return new Map(
    Object.entries(written).map(([key, { annotation, value }]) => [
      key,
      { value, source: { kind: "annotation", name: annotation } },
    ]),
  );
}

function join(platform: ReadonlyMap<string, Word>, own: ReadonlyMap<string, Word>): readonly Joined[] {
  const keys = [...new Set([...platform.keys(), ...own.keys()])].sort(byRank);
  return keys.flatMap((key) => {
    const joined = joinOne(key, platform.get(key), own.get(key));
    return joined === undefined ? [] : [joined];
  });
}

function joinOne(key: string, platform: Word | undefined, own: Word | undefined): Joined | undefined {
  const [only] = platform === undefined || own === undefined ? [platform ?? own] : [];
  if (only !== undefined) return { key, value: only.value, parts: [{ key, ...only, counts: true }] };
  if (platform === undefined || own === undefined) return undefined;
  const isBroken = !key.startsWith("tag.") && policyValueFault(key, own.value) !== undefined;
  const value = isBroken ? platform.value : narrow(key, platform.value, own.value);
  const both = value !== platform.value && value !== own.value;
  const part = (word: Word): PolicyPart => {
    const counts = both || word.value === value;
    if (counts) return { key, ...word, counts, ...(both && { note: "with the other one" }) };
    const other = word === own ? platform.source : own.source;
    const why = word === own ? "must not be wider than" : "narrowed by";
    return { key, ...word, counts, note: isBroken ? "cannot be read" : `${why} ${other.name}` };
  };
  return { key, value, parts: [part(platform), part(own)] };
}

/** The narrower of two words; of keys that are not about more or less the workload's own. */
function narrow(key: string, platform: string, own: string): string {
  if (key.startsWith("tag.")) return platform === own ? own : `${platform}${filterJoint}${own}`;
  switch (key) {
    case "automated":
    case "allow_downgrade":
      return platform === "true" && own === "true" ? "true" : "false";
    case "locked":
    case "ignore":
    case "pin_digest":
    case "auto_rollback":
      return platform === "true" ? platform : own;
    case "min_age":
      return (readDurationMs(platform) ?? 0) > (readDurationMs(own) ?? 0) ? platform : own;
    case "deadline":
      return (readDurationMs(platform) ?? 0) < (readDurationMs(own) ?? 0) ? platform : own;
    case "platform":
      return [...new Set([...(readPlatforms(platform) ?? []), ...(readPlatforms(own) ?? [])])].join(",");
    case "hold":
      return own === "" || own === "false" ? platform : own;
    default:
      return own;
  }
}

function byRank(a: string, b: string): number {
  return rankOf(a) - rankOf(b) || (a < b ? -1 : 1);
}

function rankOf(key: string): number {
  const at = policyKeys.findIndex((known) => known === key);
  return at === -1 ? policyKeys.length : at;
}

/** Automation without a filter is what Flux v1 allowed: it is done, and told. */
function warningsOf(joined: readonly Joined[]): readonly string[] {
  const filters = joined.filter(({ key }) => key.startsWith("tag."));
  return filters.flatMap(({ key, value }) => filterWarnings(value).map((warning) => `${key}: ${warning}`));
}
