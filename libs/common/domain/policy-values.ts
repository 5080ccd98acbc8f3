import { editDistance } from "./edit-distance.ts";
import { filterFault } from "./tag-filter.ts";

/** The keys a policy may have, besides `tag.CONTAINER`, each with what is wrong with a value. */
const checks = {
  automated: checkSwitch,
  locked: checkSwitch,
  locked_msg: () => undefined,
  locked_user: () => undefined,
  ignore: (value) => (value === "sync_only" ? undefined : checkSwitch(value)),
  hold: () => undefined,
  min_age: (value) => (readDurationMs(value) === undefined ? durationWords : undefined),
  platform: (value) => (readPlatforms(value) === undefined ? platformWords : undefined),
  pin_digest: checkSwitch,
  allow_downgrade: checkSwitch,
  group: (value) => (/^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/.test(value) ? undefined : groupWords),
  auto_rollback: checkSwitch,
  deadline: (value) => deadlineFault(readDurationMs(value)),
} satisfies Record<string, (value: string) => string | undefined>;

type PlainKey = keyof typeof checks;

/** Every plain key, in the order in which people read them. */
export const policyKeys = Object.keys(checks) as readonly PlainKey[];

/** All keys in words, for messages. */
export const policyKeyWords = `${policyKeys.join(", ")}, tag.CONTAINER`;

const longestValue = 4096;

/** Whether a key, without its prefix, is a policy's. */
export function isPolicyKey(key: string): boolean {
  return Object.hasOwn(checks, key) || /^tag\..+$/s.test(key);
}

/** What is wrong with a policy that is to be written; null takes one away. */
export function policyFault(key: string, value: string | null): string | undefined {
  if (!isPolicyKey(key)) return unknownKey(key);
  // An annotation's name is at most 63 characters after its prefix, of the same kind as a label's.
  if (key.length > 63 || !/^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?$/.test(key)) {
    return `"${key}" cannot be the name of an annotation`;
  }
  return value === null ? undefined : policyValueFault(key, value);
}

/** What is wrong with the value of a key that is known. */
export function policyValueFault(key: string, value: string): string | undefined {
  if (value.length > longestValue) return `${key} is longer than ${longestValue} characters`;
  if (!value.isWellFormed()) return `${key} is not text`;
  const fault = Object.hasOwn(checks, key) ? checks[key as PlainKey](value) : filterFault(value);
  if (fault === undefined) return undefined;
  return Object.hasOwn(checks, key) ? `${key} is ${fault}` : `${key}: ${fault}`;
}

/** `"lokced" is no policy; did you mean locked?` */
export function unknownKey(key: string): string {
  const near = nearKey(key);
  const shown = key.length > 80 ? `${key.slice(0, 80)}…` : key;
  return near === undefined
    ? `"${shown}" is no policy (${policyKeyWords})`
    : `"${shown}" is no policy; did you mean ${near}? (${policyKeyWords})`;
}

/** "90s", "10m", "2h", "7d" in milliseconds, up to a year. */
export function readDurationMs(text: string): number | undefined {
  const [, amount = "", unit = ""] = /^(\d{1,8})(s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (unitMs[unit] ?? Number.NaN);
  return ms <= longestMs ? ms : undefined;
}

/** `linux/amd64,linux/arm64/v8` taken apart. */
export function readPlatforms(text: string): readonly string[] | undefined {
  const platforms = text.split(",").map((one) => one.trim());
  const isFine =
    platforms.length <= 8 && platforms.every((one) => /^[a-z0-9]+\/[a-z0-9_-]+(?:\/[a-z0-9.]+)?$/.test(one));
  return isFine ? platforms : undefined;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestMs = 365 * 86_400_000;
const durationWords = 'a duration such as "30m", "2h" or "7d", at most a year';
const platformWords = 'a list such as "linux/amd64,linux/arm64"';
const groupWords = "a name of letters, digits, dots, dashes and underscores, at most 63";

function deadlineFault(ms: number | undefined): string | undefined {
  if (ms === undefined || ms === 0 || ms > 86_400_000)
    return 'a duration such as "90s" or "10m", at most a day';
  return undefined;
}

function checkSwitch(value: string): string | undefined {
  return value === "true" || value === "false" ? undefined : '"true" or "false"';
}

function nearKey(key: string): string | undefined {
  const plain = key.toLowerCase().replaceAll("-", "_").slice(0, 40);
  if (/^(?:tags?|filter)[._:].+$/s.test(plain))
    return `tag.${key.slice(plain.search(/[._:]/) + 1).slice(0, 40)}`;
  const most = Math.max(1, Math.floor(plain.length / 3));
  const [best] = policyKeys
    .map((known) => ({ known, distance: editDistance(plain, known) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance);
  return best?.known;
}
