import { pollUntil } from "#common/kit/retry.ts";
import { holdsOf, liftHolds } from "#common/store/holds.ts";
import type { HoldRow } from "#common/store/holds.ts";
import type { JobRow } from "#common/store/schema.ts";

import { aDeployment, imageOf } from "./environment-objects.ts";
import type { EnvironmentWorld } from "./environment-world.ts";
import { publishTags } from "./published-images.ts";

/** What tests of automation do in one environment of a world, and see of it. */
export interface AutomationHands {
  /** Automated releases of a Deployment, oldest first. */
  jobsOf(name: string): Promise<readonly JobRow[]>;
  /** The automated job that was to bring this tag, once it has ended. */
  ended(name: string, tag: string): Promise<JobRow>;
  /** All tags of `example/<name>`, the oldest first, as a scanner records them. */
  publish(name: string, ...tags: readonly string[]): Promise<void>;
  /** Declares a Deployment at 1.0.0 that follows the newest tag, and runs it. */
  automate(name: string, annotations?: Readonly<Record<string, string>>): Promise<void>;
  holdOf(name: string): Promise<HoldRow | undefined>;
  unhold(name: string): Promise<readonly HoldRow[]>;
  commitsOf(id: string): Promise<number>;
  /** A decision that began after this call has ended. */
  decidedAgain(): Promise<void>;
  until<T>(look: () => Promise<T | false | undefined>, what: string): Promise<T>;
}

export function automationHands(world: EnvironmentWorld, environment: string): AutomationHands {
  const { db } = world.store;
  const until: AutomationHands["until"] = (look, what) =>
    pollUntil(async () => (await look()) || false, { everyMs: 50, timeoutMs: 60_000, what });
  const jobsOf: AutomationHands["jobsOf"] = async (name) => {
    const rows = db.selectFrom("jobs").selectAll().where("origin", "=", "automation").orderBy("accepted");
    return (await rows.execute()).filter(
      ({ spec }) => "workloads" in spec && spec.workloads.some((one) => one.endsWith(`/${name}`)),
    );
  };
  return {
    until,
    jobsOf,
    ended: (name, tag) =>
      until(async () => {
        const image = JSON.stringify(imageOf(name, tag));
        return (await jobsOf(name)).find(
          ({ spec, outcome }) => outcome !== null && JSON.stringify(spec).includes(image),
        );
      }, `${name} at ${tag}`),
    publish: (name, ...tags) => publishTags(db, `example/${name}`, tags),
    async automate(name, annotations = {}) {
      const own = { "slipway.dev/automated": "true", [`slipway.dev/tag.${name}`]: "newest" };
      await world.serve(aDeployment(name, { annotations: { ...own, ...annotations } }), environment);
      // The index follows the branch every 15 s; here it is asked to look now.
      await world.sql("update lanes set due_at = clock_timestamp()");
    },
    holdOf: async (name) =>
      (await holdsOf(db, environment)).find(({ workload }) => workload.endsWith(`/${name}`)),
    unhold: (name) =>
      world.store.transaction((tx) =>
        liftHolds(tx, { environment, workload: `shop:deployment/${name}`, by: "alice" }),
      ),
    commitsOf: async (id) => (await world.committed()).filter((one) => one === id).length,
    async decidedAgain() {
      const before = await world.store.now();
      await world.sql(
        `update automation set due_at = clock_timestamp() where environment = '${environment}'`,
      );
      await until(async () => {
        const asked = db.selectFrom("automation").select("decided_at").where("environment", "=", environment);
        const at = (await asked.executeTakeFirst())?.decided_at ?? null;
        return at !== null && at > before;
      }, "a decision");
    },
  };
}
