import type { SlipwayError } from "#common/domain/errors.ts";
import { withTimeLimit } from "#common/kit/time-limit.ts";
import type { ClientSource } from "./client-source.ts";
import { isRegistryTrouble } from "./deps.ts";
import type { ScanDeps } from "./deps.ts";
import type { CallOptions, OciClient, Pace, RepositoryRef } from "./oci/types.ts";
import { quieten } from "./scan-memory.ts";
import type { RepositoryMemory } from "./scan-memory.ts";

/** A repository as one scan sees it. */
export interface ScanTarget {
  readonly key: string;
  readonly ref: RepositoryRef;
  readonly memory: RepositoryMemory;
  readonly pace: Pace;
}

export type TagPassDeps = Pick<ScanDeps, "budget" | "clock" | "log" | "stopping"> & {
  readonly clients: Pick<ClientSource, "use">;
};

export type TagAct<T> = (item: T, client: OciClient, call: CallOptions) => Promise<void>;

/** Looks at many tags of a repository, some at a time, until done, out of time or refused. */
export interface TagPass {
  each<T extends { readonly tag: string }>(items: readonly T[], act: TagAct<T>): Promise<void>;
  /** Throws what kept the registry from answering, when it did. */
  settle(): void;
}

const passMs = 20_000;
const lookMs = 30_000;
const troubleLimit = 3;

/** One image that cannot be read must not hide the others, and a registry that is away must not be asked 200 times. */
export function createTagPass(deps: TagPassDeps, target: ScanTarget): TagPass {
  const untilMs = deps.clock.monotonicMs() + passMs;
  const troubles: SlipwayError[] = [];
  let refused: unknown;
  let outOfTurns = false;

  const over = (): boolean =>
    outOfTurns ||
    refused !== undefined ||
    troubles.length >= troubleLimit ||
    deps.clock.monotonicMs() >= untilMs;

  function onFailure(tag: string, error: unknown): void {
    // Too many wait for this host: the rest is for a later scan.
    if (isRegistryTrouble(error) && error.facts?.["budget"] === true) {
      outOfTurns = true;
      return;
    }
    if (!isRegistryTrouble(error) || error.code === "REGISTRY_RATE_LIMITED") {
      refused ??= error;
      return;
    }
    quieten(target.memory, tag, deps.clock.monotonicMs());
    deps.log.debug("an image could not be read", { repository: target.key, tag, error });
    const ofTheImage = error.code === "REGISTRY_BAD_ANSWER" || error.code === "REGISTRY_NOT_FOUND";
    if (!ofTheImage) troubles.push(error);
  }

  async function look<T extends { readonly tag: string }>(item: T, act: TagAct<T>): Promise<void> {
    if (over()) return;
    const { pace } = target;
    try {
      await withTimeLimit({ ms: lookMs, stopping: deps.stopping }, (signal) =>
        deps.clients.use((client) => act(item, client, { signal, pace })),
      );
    } catch (error) {
      onFailure(item.tag, error);
    }
  }

  return {
    async each(items, act) {
      const { host } = target.ref;
      await Promise.all(items.map((item) => deps.budget.look(host, () => look(item, act))));
    },
    settle() {
      if (refused !== undefined) throw refused;
      if (troubles[0] !== undefined) throw troubles[0];
    },
  };
}
