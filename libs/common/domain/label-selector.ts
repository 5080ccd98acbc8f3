import { SlipwayError } from "./errors.ts";
import { unreachable } from "./unreachable.ts";
import { isLabelValue, isObjectName } from "./workload.ts";

/** What a selector asks of a set of labels. */
export interface LabelTerm {
  readonly key: string;
  readonly op: "exists" | "absent" | "is" | "is-not";
  /** Empty for the first two. */
  readonly value: string;
}

const longestSelector = 2_000;
const mostTerms = 50;

/**
 * Reads `key`, `!key`, `key=value` (or `==`) and `key!=value`, several with commas between, as kubectl
 * does; throws SELECTOR_INVALID. All terms of all texts must hold.
 */
export function parseSelector(texts: readonly string[]): readonly LabelTerm[] {
  const all = texts.join(",");
  if (all.length > longestSelector) throw invalid(all, `longer than ${longestSelector} characters`);
  const terms = texts.flatMap((text) => text.split(",").map((term) => parseTerm(term.trim())));
  if (terms.length > mostTerms) throw invalid(all, `more than ${mostTerms} terms`);
  return terms;
}

/** Whether the labels satisfy every term. */
export function matchesSelector(
  labels: Readonly<Record<string, string>>,
  terms: readonly LabelTerm[],
): boolean {
  return terms.every((term) => holds(labels, term));
}

function holds(labels: Readonly<Record<string, string>>, { key, op, value }: LabelTerm): boolean {
  const has = Object.hasOwn(labels, key);
  switch (op) {
    case "exists":
      return has;
    case "absent":
      return !has;
    case "is":
      return has && labels[key] === value;
    case "is-not":
      // As kubectl: a workload without the label is not of that value either.
      return !has || labels[key] !== value;
    default:
      return unreachable(op);
  }
}

function parseTerm(text: string): LabelTerm {
  const [, not = "", key = "", operator, value = ""] =
    /^(!?)\s*([^\s=!]+)\s*(?:(==|=|!=)\s*(\S*))?$/.exec(text) ?? [];
  if (key === "" || (not !== "" && operator !== undefined)) {
    throw invalid(text, "it is none of key, !key, key=value and key!=value");
  }
  if (!isLabelKey(key)) throw invalid(text, `"${key}" cannot be the key of a label`);
  if (operator === undefined) return { key, op: not === "" ? "exists" : "absent", value: "" };
  if (!isLabelValue(value)) throw invalid(text, `"${value}" cannot be the value of a label`);
  return { key, op: operator === "!=" ? "is-not" : "is", value };
}

/** `name` or `prefix/name`. */
function isLabelKey(text: string): boolean {
  const [prefix, name, ...more] = text.includes("/") ? text.split("/") : [undefined, text];
  if (more.length > 0 || name === undefined || name === "" || !isLabelValue(name)) return false;
  return prefix === undefined || isObjectName(prefix);
}

function invalid(text: string, why: string): SlipwayError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new SlipwayError("SELECTOR_INVALID", { detail: `"${shown}": ${why}` });
}
