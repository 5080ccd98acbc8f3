import { ruleOf } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";
import type { Identity } from "#common/contracts/tokens.ts";
import {
  coversEnvironment,
  coversEverything,
  coversWorkload,
  entersEnvironment,
  reachOf,
} from "#common/domain/access.ts";

/** What an operation would be about; less says less, and then offers more. */
export interface About {
  readonly environment?: string;
  /** namespace:kind/name */
  readonly workload?: string;
}

/** Whether somebody may do a thing: what they may not is not offered. The server has the last word. */
export function mayDo(who: Identity | undefined, name: OperationName, about: About = {}): boolean {
  if (who === undefined) return false;
  const rule = ruleOf(name);
  if (rule.role === "public") return true;
  const reach = reachOf(who.grants, rule.role);
  if (reach.length === 0) return false;
  if (rule.about === "installation") return coversEverything(reach);
  const { environment, workload } = about;
  if (environment === undefined) return true;
  if (rule.about === "environment") return coversEnvironment(reach, environment);
  if (workload !== undefined) return coversWorkload(reach, { environment, workload });
  return entersEnvironment(reach, environment);
}

/** "admin", "viewer and releaser", as it is said of somebody. */
export function rolesText({ grants }: Identity): string {
  return [...new Set(grants.map(({ role }) => role))].join(" and ");
}
