import type { EnvironmentSettings, Settings } from "./settings.ts";

/** New settings as a running process takes them up. */
export interface TakenUp {
  readonly settings: Settings;
  /** What it holds on to as it was, until it is started anew: names of parts. */
  readonly waiting: readonly string[];
}

/** What connections, watches and projections are made of when a process starts. */
const heldParts = ["cluster", "namespaces", "pullSecrets", "manifests"] as const;
const heldGit = ["url", "branch", "paths"] as const;
const liveParts = ["publicUrl", "retention", "auditRetentionDays"] as const;

/**
 * Takes over what may change under a running process: of each environment its mode, windows, approvals,
 * policies, deadlines and credentials, and what is kept how long. The rest stays as it was.
 */
export function takeUp(running: Settings, next: Settings): TakenUp {
  const waiting = new Set<string>();
  const environments = running.environments.map((old) => {
    const fresh = next.environments.find(({ name }) => name === old.name);
    if (fresh !== undefined) return takeUpEnvironment(old, fresh, waiting);
    waiting.add(`environment ${old.name} is gone`);
    return old;
  });
  for (const { name } of next.environments)
    if (!running.environments.some((old) => old.name === name)) waiting.add(`environment ${name} is new`);
  const isLive = (key: string): boolean => key === "environments" || liveParts.some((part) => part === key);
  for (const key of keysOf(running, next)) {
    if (!isLive(key) && !same(running[key], next[key])) waiting.add(key);
  }
  return { settings: { ...running, ...pick(next, liveParts), environments }, waiting: [...waiting] };
}

function takeUpEnvironment(
  old: EnvironmentSettings,
  fresh: EnvironmentSettings,
  waiting: Set<string>,
): EnvironmentSettings {
  for (const part of heldParts)
    if (!same(old[part], fresh[part])) waiting.add(`${part} of environment ${old.name}`);
  for (const part of heldGit)
    if (!same(old.git[part], fresh.git[part])) waiting.add(`git.${part} of environment ${old.name}`);
  const held = pick(old, heldParts);
  return { ...fresh, ...held, git: { ...fresh.git, ...pick(old.git, heldGit) } };
}

function keysOf(a: Settings, b: Settings): readonly (keyof Settings)[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])] as (keyof Settings)[];
}

/** Those parts, absent ones too: what was left out must not stay. */
function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
