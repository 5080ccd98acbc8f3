import { z } from "zod";

import type { Workload } from "#common/contracts/http.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { coversEnvironment, coversWorkload } from "#common/domain/access.ts";
import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { formatWorkloadId, parseWorkloadId } from "#common/domain/workload.ts";

import type { ApiDeps } from "../deps.ts";
import { resolveSeen } from "../environments.ts";
import type { LiveParts } from "../live-parts.ts";
import { partialAge } from "../read-model/age.ts";
import { filterWorkloads, workloadStates } from "../read-model/filters.ts";
import { nearNames } from "../read-model/near-names.ts";
import { cutPage } from "../read-model/page.ts";
import type { WorkloadsRead } from "../workload-lists.ts";
import { cursor } from "./schemas.ts";
import type { workloadPath } from "./schemas.ts";

/** Repeatable in a query; a single one comes as a text. */
export const several = <T extends z.ZodType>(one: T) =>
  z
    .union([one.transform((value) => [value]), z.array(one).max(20)])
    .optional()
    .transform((values) => values ?? []);

/** What lists of workloads may be narrowed by. */
export const listFilter = {
  environment: z.string().max(63).optional(),
  namespace: z.string().max(63).optional(),
  label: several(z.string().max(2_000)).meta({
    description: "key=value, key!=value, key or !key; repeatable, or with commas. All must hold.",
  }),
  filter: z
    .string()
    .max(400)
    .optional()
    .meta({ description: "Only those with this in their name or an image." }),
  state: several(z.enum(workloadStates)).meta({
    description: "Only those that are so; repeatable: all must hold. failing: the release state is error.",
  }),
  cursor,
};

type FindDeps = Pick<ApiDeps, "settings"> & Pick<LiveParts, "lists"> & { readonly sees: Reach };
type ListQuery = z.infer<z.ZodObject<typeof listFilter>> & { readonly limit: number };

/** One page of the list, narrowed, with what it was made of. */
export async function readPage(deps: FindDeps, query: ListQuery) {
  const { environment, namespace, label, filter, state, limit, cursor: after } = query;
  const seen = resolveSeen(deps.settings, environment, deps.sees);
  const { workloads, age, images, facts } = await readSeen(deps, seen);
  const found = filterWorkloads(workloads, { namespace, text: filter, labels: label, states: state });
  return { ...cutPage(found, { limit, after }), age, images, declared: facts.declared, nodes: facts.nodes };
}

/** What somebody sees of an environment: the rest is not there, and no count or problem tells of it. */
export async function readSeen(
  { lists, sees }: Pick<FindDeps, "lists" | "sees">,
  environment: EnvironmentSettings,
): Promise<WorkloadsRead> {
  const read = await lists.read(environment);
  if (coversEnvironment(sees, environment.name)) return read;
  const workloads = read.workloads.filter(({ id }) =>
    coversWorkload(sees, { environment: environment.name, workload: id }),
  );
  return { ...read, workloads, age: partialAge(read.age) };
}

/** The id of a path; short kinds are understood. */
export function idOf(path: z.infer<typeof workloadPath>): { id: string; namespace: string; name: string } {
  const { namespace, kind = "", name } = parseWorkloadId(`${path.namespace}:${path.kind}/${path.name}`);
  return { id: formatWorkloadId({ namespace, kind, name }), namespace, name };
}

/** The workload of a path, or WORKLOAD_NOT_FOUND with what is near. */
export async function findWorkload(deps: FindDeps, path: z.infer<typeof workloadPath>): Promise<Workload> {
  return (await findDeclared(deps, path)).workload;
}

/** As `findWorkload`, with what runs and what git declares in its environment. */
export async function findDeclared(deps: FindDeps, path: z.infer<typeof workloadPath>) {
  const environment = resolveSeen(deps.settings, path.environment, deps.sees);
  const { id, namespace, name } = idOf(path);
  const { workloads, facts, age } = await readSeen(deps, environment);
  const found = workloads.find((one) => one.id === id);
  if (found !== undefined) {
    const { declared, running, complete, nodes } = facts;
    return { workload: found, declared, running, complete, nodes, age };
  }
  const beside = workloads.filter((one) => one.namespace === namespace);
  const near = nearNames(
    name,
    beside.map((one) => shortName(one.id)),
  );
  throw new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: `${id} is neither declared in git nor running`,
    ...(near.length > 0 && { hint: `did you mean ${near.join(" or ")}?`, facts: { candidates: near } }),
  });
}
