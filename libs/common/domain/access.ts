import { matchesGlob } from "./glob.ts";
import { longKind } from "./workload.ts";

/** Who may do what, and to which part of an installation. */

export const roles = ["viewer", "releaser", "approver", "admin"] as const;
export type Role = (typeof roles)[number];

/**
 * A part of an installation. Each list narrows it; what is absent is not narrowed. Entries are names or
 * patterns with `*`; a workload is `namespace/name` (any kind) or `namespace:kind/name`.
 */
export interface Scope {
  readonly environments?: readonly string[] | undefined;
  readonly namespaces?: readonly string[] | undefined;
  readonly workloads?: readonly string[] | undefined;
}

export interface Grant {
  readonly role: Role;
  readonly scope: Scope;
}

/** The parts where somebody has a role, together. */
export type Reach = readonly Scope[];

/** For services, which act for nobody. */
export const everything: Reach = [{}];

/** admin may do everything; approver and releaser may see; approver is not a releaser. */
export function roleAllows(has: Role, needs: Role): boolean {
  if (has === "admin" || needs === "viewer") return true;
  return has === needs;
}

/** Where the grants give this role. */
export function reachOf(grants: readonly Grant[], role: Role): Reach {
  return grants.filter((grant) => roleAllows(grant.role, role)).map(({ scope }) => scope);
}

/** The whole installation. */
export function coversEverything(reach: Reach): boolean {
  return reach.some((scope) => scope.environments === undefined && isWide(scope));
}

/** All of an environment: also what nobody has named yet. */
export function coversEnvironment(reach: Reach, environment: string): boolean {
  return reach.some((scope) => isWide(scope) && fits(scope.environments, environment));
}

/** Something of an environment. */
export function entersEnvironment(reach: Reach, environment: string): boolean {
  return reach.some((scope) => fits(scope.environments, environment));
}

/** All of a namespace. */
export function coversNamespace(
  reach: Reach,
  at: { readonly environment: string; readonly namespace: string },
): boolean {
  return reach.some(
    ({ environments, namespaces, workloads }) =>
      workloads === undefined && fits(environments, at.environment) && fits(namespaces, at.namespace),
  );
}

/** Something of a namespace. */
export function entersNamespace(
  reach: Reach,
  at: { readonly environment: string; readonly namespace: string },
): boolean {
  return reach.some(
    ({ environments, namespaces, workloads }) =>
      fits(environments, at.environment) &&
      fits(namespaces, at.namespace) &&
      (workloads?.some((pattern) => matchesGlob(splitPattern(pattern)?.namespace ?? "", at.namespace)) ??
        true),
  );
}

/** One workload, as its id or, where its kind is not known yet, as `namespace/name`. */
export function coversWorkload(
  reach: Reach,
  at: { readonly environment: string; readonly workload: string },
): boolean {
  const { environment, workload } = at;
  if (coversEnvironment(reach, environment)) return true;
  const [, namespace = "", kind, name = ""] = /^([^:/]+)(?::([^:/]+))?\/([^:/]+)$/.exec(workload) ?? [];
  return reach.some(
    ({ environments, namespaces, workloads }) =>
      fits(environments, environment) &&
      fits(namespaces, namespace) &&
      (workloads?.some((pattern) => isMeant(pattern, { namespace, kind, name })) ?? true),
  );
}

/** Whether nothing of the inner ones is beyond the outer ones: each lies in one of them, with its role. */
export function isWithin(inner: readonly Grant[], outer: readonly Grant[]): boolean {
  return inner.every((one) =>
    outer.some((other) => roleAllows(other.role, one.role) && isScopeWithin(one.scope, other.scope)),
  );
}

/** A pattern for workloads in its parts; undefined when it is none. */
export function splitPattern(
  pattern: string,
): { readonly namespace: string; readonly kind?: string; readonly name: string } | undefined {
  const parts = /^([a-z0-9*-]{1,63})(?::([a-z0-9*]{1,63}))?\/([a-z0-9.*-]{1,253})$/.exec(pattern);
  if (parts === null) return undefined;
  const [, namespace = "", kind, name = ""] = parts;
  return { namespace, name, ...(kind !== undefined && { kind: longKind(kind) }) };
}

/** "production; namespace shop", for people; "everything" when nothing is narrowed. */
export function scopeText({ environments, namespaces, workloads }: Scope): string {
  const parts = [
    ...(environments === undefined ? [] : [environments.join(", ")]),
    ...(namespaces === undefined ? [] : [`namespace ${namespaces.join(", ")}`]),
    ...(workloads === undefined ? [] : [workloads.join(", ")]),
  ];
  return parts.length === 0 ? "everything" : parts.join("; ");
}

function isMeant(
  pattern: string,
  one: { readonly namespace: string; readonly kind: string | undefined; readonly name: string },
): boolean {
  const wanted = splitPattern(pattern);
  if (wanted === undefined) return false;
  const kindFits =
    wanted.kind === undefined || (one.kind !== undefined && matchesGlob(wanted.kind, one.kind));
  return kindFits && matchesGlob(wanted.namespace, one.namespace) && matchesGlob(wanted.name, one.name);
}

function isWide({ namespaces, workloads }: Scope): boolean {
  return namespaces === undefined && workloads === undefined;
}

function fits(patterns: readonly string[] | undefined, text: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesGlob(pattern, text));
}

function isScopeWithin(inner: Scope, outer: Scope): boolean {
  return (
    areWithin(inner.environments, outer.environments) &&
    (areWithin(inner.namespaces, outer.namespaces) || areWithin(namespacesOf(inner), outer.namespaces)) &&
    areWithin(inner.workloads?.map(normal), outer.workloads?.map(normal))
  );
}

// A star of the inner pattern is only matched by a star of the outer one, since names hold no star: so
// whatever the inner stands for is a text of the outer.
function areWithin(inner: readonly string[] | undefined, outer: readonly string[] | undefined): boolean {
  if (outer === undefined) return true;
  return inner?.every((one) => outer.some((other) => matchesGlob(other, one))) ?? false;
}

function namespacesOf({ workloads }: Scope): readonly string[] | undefined {
  return workloads?.map((pattern) => splitPattern(pattern)?.namespace ?? "*");
}

/** With its kind written out, so that `shop/web` (any kind) is not taken for less than it is. */
function normal(pattern: string): string {
  const parts = splitPattern(pattern);
  return parts === undefined ? pattern : `${parts.namespace}:${parts.kind ?? "*"}/${parts.name}`;
}
