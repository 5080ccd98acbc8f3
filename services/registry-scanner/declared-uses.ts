import { effectivePolicies } from "#common/domain/effective-policy.ts";
import type { PolicyRule } from "#common/domain/effective-policy.ts";
import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import { filterOf } from "#common/domain/plan-target.ts";
import type { Policies } from "#common/domain/policy.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import { declaredIn, declaredWith, markAutomated } from "#common/store/image-uses.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";

/** One container of an image repository, as git declares it. */
export interface DeclaredUse {
  /** The tag that git declares, if any. */
  readonly tag: string | undefined;
  /** The container's tag filter; undefined where it has none. */
  readonly filter: string | undefined;
}

/** Who uses image repositories by what git declares and the settings' rules say. */
export interface DeclaredUses {
  of(key: string): Promise<readonly DeclaredUse[]>;
  /** Marks the repositories whose new images are released by themselves: where automation is on. */
  markAutomated(): Promise<void>;
}

/** An environment's settings, as far as they tell who uses an image how. */
export interface UsedEnvironment {
  readonly name: string;
  readonly automation?: "off" | "on" | undefined;
  readonly policies?: readonly PolicyRule[] | undefined;
}

export interface DeclaredUsesDeps {
  readonly store: Pick<Store, "db">;
  readonly environments: readonly UsedEnvironment[];
  /** What becomes automated is scanned within so long. */
  readonly shortestMs: number;
}

export function createDeclaredUses({ store, environments, shortestMs }: DeclaredUsesDeps): DeclaredUses {
  const rules = new Map(environments.map(({ name, policies }) => [name, policies ?? []]));
  const policiesOf = (row: DeclaredRow): Policies => {
    const { namespace, kind = "", name } = parseWorkloadId(row.workload);
    const { hold, faults: _, ...rest } = row.policies;
    const policies = hold === null ? rest : { ...rest, hold };
    const { labels, containers } = row;
    const subject = { id: { namespace, kind, name }, labels, containers, policies };
    return effectivePolicies(rules.get(row.environment) ?? [], subject);
  };
  return {
    async of(key) {
      const rows = await declaredWith(store.db, key);
      return rows.flatMap((row) => {
        const policies = policiesOf(row);
        return row.containers.flatMap(({ name, image }) => {
          const ref = tryParseImageRef(image);
          if (ref === undefined || repositoryKey(ref) !== key) return [];
          return [{ tag: ref.tag, filter: filterOf(policies, name) }];
        });
      });
    },
    async markAutomated() {
      const on = environments.filter(({ automation }) => automation === "on");
      const isPlain = ({ policies = [] }: UsedEnvironment): boolean => policies.length === 0;
      const plain = on.filter(isPlain).map(({ name }) => name);
      const ruled = on.filter((environment) => !isPlain(environment)).map(({ name }) => name);
      const rows = await declaredIn(store.db, ruled);
      const automated = rows.filter((row) => isReleased(policiesOf(row)));
      const keys = [...new Set(automated.flatMap(({ repositories }) => repositories))];
      await markAutomated(store.db, { plain, keys, withinMs: shortestMs });
    },
  };
}

function isReleased({ automated, locked, hold }: Policies): boolean {
  return automated && !locked && hold === undefined;
}
