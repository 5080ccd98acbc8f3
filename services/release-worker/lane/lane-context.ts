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
  /** As the host shows it now; fetches only when it moved. */
  confirm(): Promise<string>;
  /** After our own push, or undefined after anything that shows that we do not know. */
  set(commit: string | undefined): void;
  /** Another worker may have pushed since: what the store holds is newer than our memory. */
  compare(recorded: string | null): void;
}

export function createLaneTip(git: Pick<GitCache, "fetchTip" | "lsRemote">, branch: string): LaneTip {
  const ref = `refs/heads/${branch}`;
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
    async confirm() {
      const seen = known === undefined ? undefined : (await git.lsRemote([ref])).get(ref);
      return known !== undefined && seen === known ? known : fetch();
    },
    set(commit) {
      known = commit;
    },
    compare(recorded) {
      if (recorded !== known) known = undefined;
    },
  };
}

export function environmentNamed(context: LaneContext, name: string): EnvironmentSettings | undefined {
  return context.environments.find((environment) => environment.name === name);
}
