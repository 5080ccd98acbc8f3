import { usageProblem } from "../problem.ts";

/** Policy keys to their new value; null takes one away. */
export type PolicySet = Readonly<Record<string, string | null>>;

/** Whether a word changes a policy: `key=value` or `key-`. */
export function isChange(word: string): boolean {
  return word.includes("=") || /^[^/:]+-$/.test(word);
}

/** `key=value` writes, `key-` takes away; a value may hold `=` and end in `-`. */
export function parseChanges(words: readonly string[]): PolicySet {
  const changes = new Map<string, string | null>();
  for (const text of words) {
    const equals = text.indexOf("=");
    const key = equals === -1 ? text.slice(0, -1) : text.slice(0, equals);
    if (key === "" || (equals === -1 && !text.endsWith("-"))) {
      throw usageProblem(`"${text}" is no change`, "write key=value, or key- to take one away");
    }
    if (changes.has(key)) throw usageProblem(`"${key}" is asked for twice`);
    changes.set(key, equals === -1 ? null : text.slice(equals + 1));
  }
  return Object.fromEntries(changes);
}

/** `--tag web=semver:~1` and `--tag-all newest` as policy keys. */
export function tagChanges(options: {
  readonly tag?: readonly string[];
  readonly tagAll?: string;
}): PolicySet {
  const named = (options.tag ?? []).map((text) => {
    const equals = text.indexOf("=");
    if (equals < 1)
      throw usageProblem(`"--tag ${text}" names no container and filter`, "--tag web=semver:~1.4");
    return [`tag.${text.slice(0, equals)}`, text.slice(equals + 1)] as const;
  });
  const all = options.tagAll === undefined ? [] : [["tag_all", options.tagAll] as const];
  return Object.fromEntries([...all, ...named]);
}
