import type { FastifyRequest } from "fastify";

import { ruleOf } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";
import { coversEnvironment, coversWorkload, reachOf, scopeText } from "#common/domain/access.ts";
import type { Reach, Role } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { principalOf } from "../auth.ts";
import type { Principal } from "./principal.ts";

/** What whoever asks may see; beyond it nothing is there. */
export function seesOf(request: Pick<FastifyRequest, "principal">): Reach {
  return reachOf(principalOf(request).grants, "viewer");
}

/** Who asks for which operation. */
export interface Acting {
  readonly principal: Principal;
  readonly operation: OperationName;
}

/** Where the principal has the role that the operation needs. */
export function mayOf({ principal, operation }: Acting): Reach {
  const { role } = ruleOf(operation);
  return role === "public" ? [] : reachOf(principal.grants, role);
}

/** The part of an environment that is to be acted on. */
export interface Part {
  readonly environment: string;
  /** Ids, or `namespace/name`; null: all of it, also what nobody has named. */
  readonly workloads: readonly string[] | null;
}

/** Whether somebody has a role for all of the part. */
export function hasRoleFor(
  { grants }: Pick<Principal, "grants">,
  role: Role,
  { environment, workloads }: Part,
): boolean {
  const may = reachOf(grants, role);
  if (coversEnvironment(may, environment)) return true;
  return workloads?.every((workload) => coversWorkload(may, { environment, workload })) ?? false;
}

/**
 * Refuses the whole when any of it is beyond the operation's role: FORBIDDEN, naming it; or
 * WORKLOAD_NOT_FOUND where whoever asks may not even see that it is there.
 */
export function refuseBeyond(acting: Acting, { environment, workloads }: Part): void {
  const may = mayOf(acting);
  if (coversEnvironment(may, environment)) return;
  if (workloads === null) {
    const detail = `this is about all of ${environment}; ${limitsText(acting)}`;
    throw new SlipwayError("FORBIDDEN", { detail, hint: "name the workloads" });
  }
  const beyond = workloads.filter((workload) => !coversWorkload(may, { environment, workload }));
  const [first] = beyond;
  if (first === undefined) return;
  const sees = reachOf(acting.principal.grants, "viewer");
  const unseen = beyond.find((workload) => !coversWorkload(sees, { environment, workload }));
  if (unseen !== undefined) throw unseenWorkload(unseen);
  throw new SlipwayError("FORBIDDEN", {
    detail: `${beyond.slice(0, 5).map(shownName).join(", ")}: ${limitsText(acting)}`,
    facts: { workloads: beyond.slice(0, 50) },
  });
}

/** In the words for a workload that is not there. */
export function unseenWorkload(workload: string): SlipwayError {
  return new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `"${shownName(workload)}" is neither declared in git nor running`,
  });
}

/** "shop/web" for an id, "namespace shop" for all of one. */
function shownName(workload: string): string {
  const [namespace = "", rest = ""] = workload.split(/:[^/]*\/|\//, 2);
  return rest === "*" ? `namespace ${namespace}` : `${namespace}/${rest}`;
}

function limitsText(acting: Acting): string {
  const { role } = ruleOf(acting.operation);
  const scopes = mayOf(acting).map(scopeText);
  return `"${acting.principal.name}" is ${role} of ${scopes.join(" and of ")} only`;
}
