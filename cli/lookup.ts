import type { Job, Workload, WorkloadPage } from "#common/contracts/http.ts";

import { isQualified, shortJob, shortWorkload } from "./print/names.ts";
import { CliProblem, exitCodes, usageProblem } from "./problem.ts";
import { resolveWorkload } from "./resolve.ts";
import type { Session } from "./session.ts";

/** The workloads that the typed names mean; one that means none or several ends with exit 2. */
export async function findWorkloads(
  session: Session,
  names: readonly string[],
): Promise<readonly Workload[]> {
  const { workloads } = await listKnown(session);
  return names.map((name) => {
    const found = resolveWorkload(name, workloads, { namespace: session.options.namespace });
    if (found.kind === "found") return found.workload;
    throw found.kind === "several" ? severalProblem(name, found.candidates) : noneProblem(name, found.near);
  });
}

/**
 * Names for a request. What cannot be found here may still be known to the server while the list
 * is incomplete: a name in full is then passed on as typed.
 */
export async function findNames(session: Session, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const known = await listIfPossible(session, names);
  if (known === undefined) return names;
  const complete =
    known.age.clusterComplete && known.age.clusterProblem === null && known.age.gitProblem === null;
  return names.map((name) => {
    const found = resolveWorkload(name, known.workloads, { namespace: session.options.namespace });
    if (found.kind === "found") return requestName(found.workload, known.workloads);
    if (found.kind === "several") throw severalProblem(name, found.candidates);
    if (!complete && isQualified(name)) return name;
    throw noneProblem(name, found.near);
  });
}

/** `namespace/name`, as the commit message will word it, unless two kinds share the name. */
function requestName(workload: Workload, known: readonly Workload[]): string {
  const short = shortWorkload(workload.id);
  return known.some((other) => other.id !== workload.id && shortWorkload(other.id) === short)
    ? workload.id
    : short;
}

async function listIfPossible(session: Session, names: readonly string[]): Promise<WorkloadPage | undefined> {
  try {
    return await listKnown(session);
  } catch (error) {
    const away = error instanceof CliProblem && (error.parts.status ?? 0) >= 500;
    // The list needs the cluster, a release does not: names in full need no list.
    if (away && names.every(isQualified)) return undefined;
    throw error;
  }
}

async function listKnown(session: Session): Promise<WorkloadPage> {
  // All namespaces, also with -n: a near miss may lie in another one.
  return await session.api.workloads({ environment: session.options.environment });
}

function severalProblem(name: string, candidates: readonly string[]): CliProblem {
  return new CliProblem({
    code: "WORKLOAD_AMBIGUOUS",
    title: `Several workloads are called "${name}"; write one of these`,
    candidates,
    exitCode: exitCodes.usage,
  });
}

function noneProblem(name: string, near: readonly string[]): CliProblem {
  return new CliProblem({
    code: "WORKLOAD_NOT_FOUND",
    title: `No workload is called "${name}"`,
    hint: near.length > 0 ? `did you mean ${near.join(" or ")}?` : "slipway workloads shows what there is",
    exitCode: exitCodes.usage,
  });
}

const searchedJobs = 1_000;

/** Whether a text can only be meant as a job: an id, or its last eight digits. */
export function isJobId(text: string): boolean {
  return /^[0-9a-f]{8}$|^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text.trim());
}

/** The job of an id or of its last eight digits. */
export async function findJob(session: Session, text: string): Promise<Job> {
  const id = text.trim().toLowerCase();
  if (!isJobId(id)) {
    throw usageProblem(
      `"${text}" is not a job id`,
      "give the id, or its last eight digits as `slipway jobs` shows them",
    );
  }
  try {
    return await session.api.job(id);
  } catch (error) {
    const unknown = error instanceof CliProblem && [400, 404].includes(error.parts.status ?? 0);
    if (!unknown || id.length !== 8) throw error;
    return await searchJob(session, id, error);
  }
}

/** For servers that know full ids alone. */
async function searchJob(session: Session, short: string, unknown: CliProblem): Promise<Job> {
  const jobs = await session.api.jobs({ environment: session.options.environment }, searchedJobs);
  const found = jobs.filter((job) => shortJob(job.id) === short);
  const [first, ...others] = found;
  if (first === undefined) throw unknown;
  if (others.length === 0) return first;
  throw new CliProblem({
    code: "JOB_AMBIGUOUS",
    title: `Several jobs end in ${short}; give the whole id`,
    candidates: found.map((job) => `${job.id}  ${job.headline}`),
    exitCode: exitCodes.usage,
  });
}
