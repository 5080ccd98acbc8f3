import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { HeldLease } from "#common/store/leases.ts";
import type { LaneRow } from "#common/store/schema.ts";
import type { WorkerDeps } from "../deps.ts";
import type { GitCache } from "../git/git-cache.ts";
import type { TipReader } from "../planning/tip-reader.ts";

/** One turn on a lane by the worker that holds its lease. */
export interface LaneContext {
  readonly deps: WorkerDeps;
  readonly lane: LaneRow;
  readonly lease: HeldLease;
  /** The environments that write to this lane. */
  readonly environments: readonly EnvironmentSettings[];
  readonly git: GitCache;
  readonly tips: TipReader;
  readonly tip: LaneTip;
}

/** What this process knows of the branch's tip; its cache holds the commit. */
export interface LaneTip {
  /** The tip as last seen by us (unconfirmed), or fetched now when we have none. */
  current(): Promise<{ readonly commit: string; readonly confirmed: boolean }>;
  fetch(): Promise<string>;
  /** After our own push, or undefined after anything that shows that we do not know. */
  set(commit: string | undefined): void;
}

export function createLaneTip(git: Pick<GitCache, "fetchTip">): LaneTip {
  let known: string | undefined;
  const fetch = async () => {
    known = await git.fetchTip();
    return known;
  };
  return {
    async current() {
      if (known !== undefined) return { commit: known, confirmed: false };
      return { commit: await fetch(), confirmed: true };
    },
    fetch,
    set(commit) {
      known = commit;
    },
  };
}

export function environmentNamed(context: LaneContext, name: string): EnvironmentSettings | undefined {
  return context.environments.find((environment) => environment.name === name);
}
