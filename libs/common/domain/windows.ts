import { readSchedule } from "./cron.ts";
import type { Schedule } from "./cron.ts";
import { matchesGlob } from "./glob.ts";

/** When releases may run: it begins by the wall clock of a time zone and lasts for so long. */
export interface ReleaseWindow {
  readonly kind: "allow" | "deny";
  readonly cron: string;
  readonly timeZone: string;
  readonly durationMs: number;
  /** Namespaces it is about, with stars; all when absent. */
  readonly namespaces?: readonly string[] | undefined;
  readonly reason?: string | undefined;
}

/** Namespaces that a job touches; `all` where nobody can say which. */
export type TouchedNamespaces = readonly string[] | "all";

export interface WindowState {
  readonly open: boolean;
  /** When that changes; undefined where no change was found within a year. */
  readonly until: Date | undefined;
  /** What a deny window that is in force gave as its reason. */
  readonly reason: string | undefined;
}

/**
 * Whether a job that touches these namespaces may run at an instant, and when that changes. Windows may
 * overlap: one deny window that is in force closes; else one allow window that is in force opens, or
 * that there is none. Where several namespaces are touched each of them has to be open.
 */
export function windowState(
  windows: readonly ReleaseWindow[],
  namespaces: TouchedNamespaces,
  at: Date,
): WindowState {
  const groups = groupsOf(windows, namespaces);
  const turns = new Map(groups.flat().map((window) => [window, turnsOf(window, at.getTime())]));
  const open = isOpen(groups, turns, at.getTime());
  const denied = groups.flat().find((one) => one.kind === "deny" && inForce(turns, one, at.getTime()));
  return { open, until: changeAfter(groups, turns, { at: at.getTime(), open }), reason: denied?.reason };
}

/** Whether a window concerns a namespace at all. */
export function isAbout(window: Pick<ReleaseWindow, "namespaces">, namespaces: TouchedNamespaces): boolean {
  const { namespaces: patterns } = window;
  if (patterns === undefined || namespaces === "all") return true;
  return namespaces.some((namespace) => patterns.some((pattern) => matchesGlob(pattern, namespace)));
}

type Group = readonly ReleaseWindow[];

/** The windows of each namespace; a job goes when all of these groups are open. */
function groupsOf(windows: readonly ReleaseWindow[], namespaces: TouchedNamespaces): readonly Group[] {
  const groups =
    namespaces === "all"
      ? groupsOfAll(windows)
      : namespaces.map((namespace) => windows.filter((window) => isAbout(window, [namespace])));
  const different = new Map(groups.map((group) => [group.map((one) => windows.indexOf(one)).join(), group]));
  return [...different.values()];
}

/** Which namespaces there are is not known here: each set of windows that may count somewhere. */
function groupsOfAll(windows: readonly ReleaseWindow[]): readonly Group[] {
  const everywhere = windows.filter(({ namespaces }) => namespaces === undefined);
  const named = new Set(windows.flatMap(({ namespaces }) => namespaces ?? []));
  return [
    everywhere,
    ...[...named].map((name) =>
      windows.filter(({ namespaces }) => namespaces === undefined || namespaces.includes(name)),
    ),
  ];
}

/** One time that a window is in force, the first that ends after the instant it was asked for. */
interface Turn {
  readonly schedule: Schedule;
  readonly from: number;
  readonly to: number;
}

type Turns = Map<ReleaseWindow, Turn>;

function turnsOf(window: ReleaseWindow, at: number): Turn {
  return nextTurn(window, readSchedule(window.cron, window.timeZone), at);
}

function nextTurn({ durationMs }: ReleaseWindow, schedule: Schedule, at: number): Turn {
  const from = schedule.next(new Date(at - durationMs))?.getTime() ?? Number.POSITIVE_INFINITY;
  return { schedule, from, to: from + durationMs };
}

function inForce(turns: Turns, window: ReleaseWindow, at: number): boolean {
  const turn = turns.get(window);
  return turn !== undefined && turn.from <= at && at < turn.to;
}

function isOpen(groups: readonly Group[], turns: Turns, at: number): boolean {
  return groups.every((group) => {
    const denied = group.some((window) => window.kind === "deny" && inForce(turns, window, at));
    const allowing = group.filter((window) => window.kind === "allow");
    return !denied && (allowing.length === 0 || allowing.some((window) => inForce(turns, window, at)));
  });
}

const longestSearchMs = 366 * 24 * 3_600_000;
const mostSteps = 500;

/** From one begin or end to the next, until the answer is another one. */
function changeAfter(
  groups: readonly Group[],
  turns: Turns,
  now: { readonly at: number; readonly open: boolean },
): Date | undefined {
  let { at } = now;
  for (let step = 0; step < mostSteps; step += 1) {
    const next = Math.min(...[...turns.values()].map(({ from, to }) => (from > at ? from : to)));
    if (next - now.at > longestSearchMs) return undefined;
    at = next;
    for (const [window, turn] of turns) {
      if (turn.to <= at) turns.set(window, nextTurn(window, turn.schedule, at));
    }
    if (isOpen(groups, turns, at) !== now.open) return new Date(at);
  }
  return undefined;
}
