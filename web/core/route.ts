import type { Workload } from "#common/contracts/http.ts";

/** Addresses of the page, and what each shows. Pure. */

export interface WorkloadName {
  readonly environment: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
}

export type Route =
  | { readonly page: "workloads" }
  | ({ readonly page: "workload" } & WorkloadName)
  | { readonly page: "release"; readonly environment: string; readonly workloads: readonly string[] }
  | { readonly page: "jobs" }
  | { readonly page: "job"; readonly id: string }
  | { readonly page: "environments" }
  | { readonly page: "nowhere" };

/** What an address shows. */
export function parseRoute(path: string, search: string): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const [first, ...rest] = parts.map(decode);
  if (first === undefined) return { page: "workloads" };
  const [environment, namespace, kind, name] = rest;
  if (first === "workloads" && environment && namespace && kind && name && rest.length === 4) {
    return { page: "workload", environment, namespace, kind, name };
  }
  if (first === "jobs" && rest.length === 0) return { page: "jobs" };
  if (first === "jobs" && rest.length === 1) return { page: "job", id: rest[0] ?? "" };
  if (first === "environments" && rest.length === 0) return { page: "environments" };
  if (first === "release" && rest.length === 0) return releaseRoute(new URLSearchParams(search));
  return { page: "nowhere" };
}

function releaseRoute(query: URLSearchParams): Route {
  return {
    page: "release",
    environment: query.get("environment") ?? "",
    workloads: query.getAll("workload").slice(0, 1_000),
  };
}

export function workloadPath(one: WorkloadName): string {
  const parts = [one.environment, one.namespace, one.kind.toLowerCase(), one.name];
  return `/workloads/${parts.map(encodeURIComponent).join("/")}`;
}

/** Of a workload by its id, as jobs name it. */
export function workloadPathOf(environment: string, id: string): string | undefined {
  const [, namespace, kind, name] = /^([^:/]+):([^:/]+)\/([^:/]+)$/.exec(id) ?? [];
  if (namespace === undefined || kind === undefined || name === undefined) return undefined;
  return workloadPath({ environment, namespace, kind, name });
}

export function jobPath(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`;
}

export function releasePath(environment: string, workloads: readonly Pick<Workload, "id">[]): string {
  const query = new URLSearchParams([
    ["environment", environment],
    ...workloads.map(({ id }): [string, string] => ["workload", id]),
  ]);
  return `/release?${query.toString()}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A lone % is no escape: it stands for itself.
    return part;
  }
}
