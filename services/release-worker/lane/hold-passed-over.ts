import { timingOf } from "#common/contracts/automation-settings.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { decide } from "#common/domain/decide.ts";
import type { RepositoryFact } from "#common/domain/decide.ts";
import { effectivePolicies } from "#common/domain/effective-policy.ts";
import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";
import { shortName } from "#common/domain/plan.ts";
import { toIndexedWorkload } from "#common/store/declared-subject.ts";
import { setHold } from "#common/store/holds.ts";
import { repositoryFacts } from "#common/store/image-facts.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import type { JobRow } from "#common/store/schema.ts";
import * as steps from "#common/store/steps.ts";
import { databaseTime, type Db } from "#common/store/store.ts";

type Results = JobRow["results"];

/**
 * A person who brings an older image while a newer one is there means it: automation would take it away
 * within seconds. So it is held, in the transaction that records the commit, and the job's log says so.
 */
export async function holdPassedOver(
  tx: Db,
  environment: EnvironmentSettings | undefined,
  of: { readonly job: JobRow; readonly results: Results },
): Promise<void> {
  const { job } = of;
  const byHand = !job.automatic && job.origin !== "automation";
  if (environment?.automation !== "on" || !byHand || (job.kind !== "release" && job.kind !== "rollback"))
    return;
  const written = of.results.filter(({ result, container, to }) => {
    return result === "change" && container !== "" && to !== null;
  });
  if (written.length === 0) return;
  const workloads = [...new Set(written.map(({ workload }) => workload))];
  const rows = await declaredWorkloads(tx, environment.name, { workloads });
  const automated = rows.filter((row) => {
    return effectivePolicies(environment.policies ?? [], toIndexedWorkload(row)).automated;
  });
  if (automated.length === 0) return;
  for (const passed of await passedOver(tx, environment, { rows: automated, written })) {
    const { workload, container, image, to } = passed;
    const reason = `${job.requested_by} chose ${to} by hand`;
    const hold = { environment: environment.name, workload, container, image, reason };
    await setHold(tx, { ...hold, job_id: job.id, set_by: job.requested_by });
    const name = shortName(workload);
    const text = `Automation of ${name} (${container}) stops: ${image} is there and was passed over.`;
    await steps.appendSteps(tx, job.id, [{ text, outcome: "ok", detail: `slipway unhold ${name}` }]);
  }
}

interface PassedOver {
  readonly workload: string;
  readonly container: string;
  /** What automation would bring. */
  readonly image: string;
  readonly to: string;
}

async function passedOver(
  tx: Db,
  environment: EnvironmentSettings,
  of: { readonly rows: readonly DeclaredRow[]; readonly written: Results },
): Promise<readonly PassedOver[]> {
  const keys = of.rows.flatMap(({ repositories }) => repositories);
  const known = await repositoryFacts(tx, [...new Set(keys)]);
  const now = await databaseTime(tx);
  return of.rows.flatMap((row) => {
    const subject = toIndexedWorkload(row);
    const changed = new Map(
      of.written
        .filter(({ workload }) => workload === row.workload)
        .map(({ container, to }) => [container, to ?? ""]),
    );
    // The index may stand at a later commit: what counts is what this job wrote.
    const containers = subject.containers.map((one) => ({
      ...one,
      image: changed.get(one.name) ?? one.image,
    }));
    const decision = decide({
      workload: {
        id: subject.id,
        policies: effectivePolicies(environment.policies ?? [], subject),
        containers,
      },
      policyFaults: subject.policyFaults,
      automation: "on",
      running: true,
      clusterAgeMs: 0,
      repositories: new Map(
        [...known].map(([key, { images }]): [string, RepositoryFact] => [key, { images, ageMs: 0 }]),
      ),
      holds: new Map(),
      gates: [],
      now,
      limits: { clusterAgeMs: 1, imagesAgeMs: timingOf(environment).imagesAge },
    });
    return decision.containers.flatMap(({ container, to: image }) => {
      const to = changed.get(container);
      return to === undefined || image === undefined || !isOther(to, image)
        ? []
        : [{ workload: row.workload, container, image, to }];
    });
  });
}

/** Another tag of the same repository; a digest that moved under the tag was not passed over. */
function isOther(a: string, b: string): boolean {
  const [one, other] = [tryParseImageRef(a), tryParseImageRef(b)];
  if (one === undefined || other === undefined) return false;
  return repositoryKey(one) === repositoryKey(other) && one.tag !== other.tag;
}
