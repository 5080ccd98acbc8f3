import type { DecidedWorkload } from "./automation.ts";
import { movesOf } from "./decide.ts";
import { isAbout } from "./windows.ts";
import { containerKey } from "./plan-choice.ts";
import { shortName } from "./plan.ts";

/** One container that moves. */
export interface Move {
  readonly workload: string;
  readonly container: string;
  readonly from: string;
  readonly to: string;
  readonly group: string | undefined;
  /** For people: why this image. */
  readonly why: string;
}

/** An automated job that waits for people: what it would bring. */
export interface WaitingAutomation {
  readonly id: string;
  readonly containers: readonly {
    readonly workload: string;
    readonly container: string;
    readonly image: string;
  }[];
}

export interface ProposalFacts {
  readonly decided: readonly DecidedWorkload[];
  readonly waiting: readonly WaitingAutomation[];
  /** Whose consent is asked where. */
  readonly approvals: readonly { readonly namespaces?: readonly string[] | undefined }[];
  /** Containers whose image failed before: each unit of them goes alone, so that only the culprit fails again. */
  readonly tried: ReadonlySet<string>;
  /** Containers that are to be held instead of moved. */
  readonly heldBack: ReadonlySet<string>;
}

export interface Proposals {
  /** One job each. */
  readonly jobs: readonly (readonly Move[])[];
  /** Waiting jobs that another image, a lock or a gate has overtaken. */
  readonly cancel: readonly string[];
}

/** A job's log, targets and intent grow with it; what is more is more jobs of the same push. */
const mostPerJob = 1_000;
const mostAlone = 20;

/**
 * Makes jobs of the moves: all of one moment are one job, as far as they wait for the same people. Pure.
 */
export function proposeJobs(facts: ProposalFacts): Proposals {
  const units = unitsOf(facts);
  const wanted = new Map(units.flat().map((move) => [containerKey(move), move.to]));
  const [kept, overtaken] = split(facts.waiting, ({ containers }) =>
    containers.every((one) => wanted.get(containerKey(one)) === one.image),
  );
  const asked = new Set(kept.flatMap(({ containers }) => containers.map(containerKey)));
  const open = units.filter((unit) => !unit.some((move) => asked.has(containerKey(move))));
  const [again, fresh] = split(open, (unit) => unit.some((move) => facts.tried.has(containerKey(move))));
  const together = Map.groupBy(fresh, (unit) => consentKey(facts, unit));
  const jobs = [...together.values()].flatMap(chunks);
  return { jobs: [...jobs, ...again.slice(0, mostAlone)], cancel: overtaken.map(({ id }) => id) };
}

/** What can only move together: a group, else a workload. */
function unitsOf({ decided, heldBack }: ProposalFacts): readonly (readonly Move[])[] {
  const units = new Map<string, Move[]>();
  const stopped = new Set<string>();
  for (const { policies, decision } of decided) {
    const { workload } = decision;
    const { group } = policies;
    const unit = group === undefined ? workload : `group ${group}`;
    for (const { container, image, to, detail, filter } of movesOf(decision)) {
      if (heldBack.has(containerKey({ workload, container }))) {
        if (group !== undefined) stopped.add(unit);
        continue;
      }
      const by = filter === undefined ? "" : ` by ${filter}`;
      const why = `${shortName(workload)} ${container}: ${detail ?? "newest eligible"}${by}`;
      const moves = units.get(unit) ?? [];
      moves.push({ workload, container, from: image, to, group, why });
      units.set(unit, moves);
    }
  }
  return [...units].filter(([unit]) => !stopped.has(unit)).map(([, moves]) => moves);
}

/** Workloads that wait for different people do not wait for each other. */
function consentKey({ approvals }: ProposalFacts, unit: readonly Move[]): string {
  const namespaces = unit.map(({ workload }) => workload.split(":", 1)[0] ?? "");
  return approvals.flatMap((rule, at) => (isAbout(rule, namespaces) ? [at] : [])).join();
}

function chunks(units: readonly (readonly Move[])[]): readonly (readonly Move[])[] {
  const jobs: Move[][] = [];
  for (const unit of units) {
    const last = jobs.at(-1);
    if (last === undefined || last.length + unit.length > mostPerJob) jobs.push([...unit]);
    else last.push(...unit);
  }
  return jobs;
}

function split<T>(all: readonly T[], holds: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(holds), all.filter((one) => !holds(one))];
}
