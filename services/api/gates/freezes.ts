import type { Freeze, FreezeRequest, FreezeSet } from "#common/contracts/gates.ts";
import { environmentSubject, queueNames } from "#common/contracts/queue.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { writeAudit } from "#common/store/audit.ts";
import { activeFreezes, jobsUnderWay, liftFreeze, setFreeze } from "#common/store/freezes.ts";
import type { FreezePlace, FreezeRow } from "#common/store/freezes.ts";
import { databaseTime } from "#common/store/store.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseUnseen } from "../environments.ts";
import type { Asker } from "../releases/accept.ts";

/** Sets a freeze; when it answers, nothing begins any more, and what goes on is named. */
export async function freezeEnvironment(
  deps: ApiDeps,
  asker: Omit<Asker, "key">,
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
    const detail = { namespace, reason: body.reason, until: body.until ?? null };
    await writeAudit(tx, { ...auditOf(asker, environment), outcome: "frozen", detail });
    return set;
  });
  deps.ring(queueNames.worker, environmentSubject(environment.name));
  return { freeze: toFreeze(row), underWay: await jobsUnderWay(deps.store.db, place) };
}

/** Lifts a freeze; FREEZE_NOT_FOUND where there is none. */
export async function unfreeze(
  deps: ApiDeps,
  asker: Omit<Asker, "key">,
  asked: { readonly environment: EnvironmentSettings; readonly namespace: string | undefined },
): Promise<Freeze> {
  const { environment, namespace = null } = asked;
  const place = { environment: environment.name, namespace };
  const row = await deps.store.transaction(async (tx) => {
    const lifted = await liftFreeze(tx, { ...place, by: asker.principal.name });
    const detail = { namespace, reason: lifted?.reason ?? null };
    const outcome = lifted === undefined ? "FREEZE_NOT_FOUND" : "lifted";
    await writeAudit(tx, { ...auditOf(asker, environment), outcome, detail });
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

function auditOf({ principal, operation, requestId }: Omit<Asker, "key">, { name }: EnvironmentSettings) {
  return { principal: principal.name, operation, requestId, environment: name };
}
