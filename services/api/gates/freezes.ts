import type { Freeze, FreezeRequest, FreezeSet } from "#common/contracts/gates.ts";
import { environmentSubject, queueNames } from "#common/contracts/queue.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { entersEnvironment, entersNamespace } from "#common/domain/access.ts";
import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { writeAudit } from "#common/store/audit.ts";
import { writeEvent } from "#common/store/events.ts";
import { activeFreezes, jobsUnderWay, liftFreeze, setFreeze } from "#common/store/freezes.ts";
import type { FreezePlace, FreezeRow } from "#common/store/freezes.ts";
import { databaseTime } from "#common/store/store.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseUnseen } from "../environments.ts";
import { auditOf } from "../releases/asker.ts";
import type { Asker } from "../releases/asker.ts";

/** Sets a freeze; when it answers, nothing begins any more, and what goes on is named. */
export async function freezeEnvironment(
  deps: ApiDeps,
  asker: Asker,
  asked: { readonly environment: EnvironmentSettings; readonly body: FreezeRequest },
): Promise<FreezeSet> {
  const { environment, body } = asked;
  const namespace = body.namespace ?? null;
  if (namespace !== null) refuseUnseen(environment, namespace);
  const until = body.until === undefined ? null : new Date(body.until);
  const place = { environment: environment.name, namespace };
  const by = asker.principal.name;
  const row = await deps.store.transaction(async (tx) => {
    if (until !== null && until <= (await databaseTime(tx))) {
      throw new SlipwayError("FREEZE_INVALID", { detail: `it would have ended at ${until.toISOString()}` });
    }
    const set = await setFreeze(tx, { ...place, id: deps.newId(), reason: body.reason, by, until });
    const { reason } = body;
    const after = { namespace, reason, until: body.until ?? null };
    const said = { ...auditOf(asker), environment: environment.name, outcome: "frozen", reason, after };
    await writeAudit(tx, { ...said, workloads: touchedIn(namespace) });
    await writeEvent(tx, { environment: environment.name, kind: "freeze.set", data: { ...after, by } });
    return set;
  });
  deps.ring(queueNames.worker, environmentSubject(environment.name));
  return { freeze: toFreeze(row), underWay: await jobsUnderWay(deps.store.db, place) };
}

/** Lifts a freeze; FREEZE_NOT_FOUND where there is none. */
export async function unfreeze(
  deps: ApiDeps,
  asker: Asker,
  asked: { readonly environment: EnvironmentSettings; readonly namespace: string | undefined },
): Promise<Freeze> {
  const { environment, namespace = null } = asked;
  const place = { environment: environment.name, namespace };
  const row = await deps.store.transaction(async (tx) => {
    const lifted = await liftFreeze(tx, { ...place, by: asker.principal.name });
    const outcome = lifted === undefined ? "FREEZE_NOT_FOUND" : "lifted";
    const before = { namespace, reason: lifted?.reason ?? null };
    const said = { ...auditOf(asker), environment: environment.name, outcome, before };
    await writeAudit(tx, { ...said, workloads: touchedIn(namespace) });
    const data = { ...before, by: asker.principal.name };
    if (lifted !== undefined)
      await writeEvent(tx, { environment: environment.name, kind: "freeze.lifted", data });
    return lifted;
  });
  deps.ring(queueNames.worker, environmentSubject(environment.name));
  if (row !== undefined) return toFreeze(row);
  const others = (await activeFreezes(deps.store.db, [environment.name])).map((one) => placeText(one));
  throw new SlipwayError("FREEZE_NOT_FOUND", {
    detail: `${placeText(place)} is not frozen`,
    ...(others.length > 0 && { hint: `frozen are: ${others.join(", ")}` }),
  });
}

/** Whether it can stop anything that somebody sees. */
export function isFreezeSeen(sees: Reach, { environment, namespace }: FreezePlace): boolean {
  return namespace === null
    ? entersEnvironment(sees, environment)
    : entersNamespace(sees, { environment, namespace });
}

/** A freeze as clients see it. */
export function toFreeze(row: FreezeRow): Freeze {
  return {
    environment: row.environment,
    namespace: row.namespace,
    reason: row.reason,
    by: row.set_by,
    since: row.set_at.toISOString(),
    until: row.until?.toISOString() ?? null,
  };
}

function placeText({ environment, namespace }: FreezePlace): string {
  return namespace === null ? `all of ${environment}` : `the namespace ${namespace} of ${environment}`;
}

function touchedIn(namespace: string | null): readonly string[] | null {
  return namespace === null ? null : [`${namespace}/*`];
}
