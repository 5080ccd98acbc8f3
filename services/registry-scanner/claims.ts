import { claimDue, dueHosts, releaseClaims, renewClaims } from "#common/store/image-claims.ts";
import type { ScanDeps } from "./deps.ts";
import type { ScheduledScans } from "./scheduled-scans.ts";

/** What this scanner has claimed: of each host no more than it can begin soon. */
export interface Claims {
  readonly claim: { readonly by: string; readonly claimMs: number };
  /** Claims what is due and puts it in line. */
  now(): Promise<void>;
  /** A scan of the host ended: there is a place again. */
  ended(host: string): void;
  /** Claims of what is in line go on. */
  renew(): Promise<void>;
  /** Gives back what is left, for others at once. */
  release(): Promise<void>;
  /** Resolves when nothing is being claimed. */
  idle(): Promise<void>;
}

const placesPerHost = 16;

export function createClaims(deps: ScanDeps, line: ScheduledScans): Claims {
  const claim = { by: deps.name, claimMs: deps.claimMs };
  /** Hosts that had more due than there were places. */
  const crowded = new Set<string>();
  let running: Promise<void> | undefined;

  async function claimPlaces(): Promise<void> {
    const { db } = deps.store;
    const hosts = await dueHosts(db);
    const places = hosts.map(({ host }) => ({ host, free: placesPerHost - line.size(host) }));
    const rows = await claimDue(
      db,
      claim,
      places.filter(({ free }) => free > 0),
    );
    crowded.clear();
    for (const { host, due } of hosts) {
      if (due > rows.filter((row) => row.host === host).length) crowded.add(host);
    }
    for (const row of rows) line.add(row, false);
  }

  async function now(): Promise<void> {
    if (deps.stopping.aborted) return;
    running ??= claimPlaces().finally(() => {
      running = undefined;
    });
    await running;
  }

  return {
    claim,
    now,
    ended(host) {
      if (!crowded.has(host) || line.size(host) > placesPerHost / 2) return;
      crowded.delete(host);
      now().catch((error: unknown) => deps.log.debug("claiming failed; the next look claims", { error }));
    },
    renew: () => renewClaims(deps.store.db, claim, line.keys()),
    release: () => releaseClaims(deps.store.db, claim.by),
    idle: async () => {
      await running;
    },
  };
}
