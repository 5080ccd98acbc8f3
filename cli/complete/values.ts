import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import type { Environments, JobPage, WorkloadPage } from "#common/contracts/http.ts";
import { operations } from "#common/contracts/operations.ts";

import { readContexts } from "../contexts.ts";
import { shortJob } from "../print/names.ts";
import { shortDate } from "../print/time.ts";
import type { Session } from "../session.ts";

import type { Candidate, Completion, Wanted } from "./candidates.ts";

/** A person waits at the Tab key: what takes longer is not worth it. */
const patienceMs = 1_500;
const freshMs = 20_000;

/** What the server knows, looked up within a second and a half and kept for twenty. */
export async function lookUp(
  session: Session,
  wanted: Wanted,
  completion: Completion,
): Promise<readonly Candidate[]> {
  switch (wanted) {
    case "workload":
      return workloadNames(await workloadsOf(session, completion), completion.typed);
    case "namespace":
      return unique((await workloadsOf(session, completion)).map(({ namespace }) => namespace));
    case "container":
      return unique(
        (await namedWorkloads(session, completion)).flatMap((one) => one.containers.map(({ name }) => name)),
      );
    case "image":
      return await imagesOf(session, completion);
    case "job":
      return (await jobsOf(session)).map(({ id, headline, createdAt }) => ({
        value: shortJob(id),
        about: `${shortDate(createdAt)} ${headline}`,
      }));
    case "environment":
      return (await environmentsOf(session)).map(({ name, mode }) => ({ value: name, about: mode }));
    default:
      return [];
  }
}

/** The contexts there are: no server is asked for them. */
export async function contextNames(env: Session["io"]["env"]): Promise<readonly Candidate[]> {
  const { contexts } = await readContexts(env);
  return Object.entries(contexts).map(([value, { url }]) => ({ value, about: url }));
}

type Workload = WorkloadPage["workloads"][number];

async function workloadsOf(session: Session, { given }: Completion): Promise<readonly Workload[]> {
  const environment = given.get("--environment");
  const namespace = given.get("--namespace");
  const { path } = operations.listWorkloads;
  const page = await remembered<WorkloadPage>(session, path, { environment, limit: 5_000 });
  return (page?.workloads ?? []).filter((one) => namespace === undefined || one.namespace === namespace);
}

/** The bare name where it means one workload, and with its namespace once a slash was typed. */
function workloadNames(workloads: readonly Workload[], typed: string): readonly Candidate[] {
  const counts = new Map<string, number>();
  for (const { name } of workloads) counts.set(name, (counts.get(name) ?? 0) + 1);
  return workloads.map(({ namespace, name, containers }) => ({
    value: typed.includes("/") || counts.get(name) !== 1 ? `${namespace}/${name}` : name,
    about: containers.map(({ image }) => image).join(", "),
  }));
}

async function namedWorkloads(session: Session, completion: Completion): Promise<readonly Workload[]> {
  const all = await workloadsOf(session, completion);
  const { named } = completion;
  if (named.length === 0) return all;
  return all.filter(({ namespace, name }) => named.includes(name) || named.includes(`${namespace}/${name}`));
}

const workloadsWithImages = 3;
const imagesEach = 30;

async function imagesOf(session: Session, completion: Completion): Promise<readonly Candidate[]> {
  const named = await namedWorkloads(session, completion);
  const some = completion.named.length === 0 ? [] : named.slice(0, workloadsWithImages);
  type Images = {
    containers: { repository: string; available: { tag: string; createdAt: string | null }[] }[];
  };
  const all = await Promise.all(
    some.map(({ environment, namespace, kind, name }) => {
      const parts = [environment, "workloads", namespace, kind, name].map(encodeURIComponent).join("/");
      return remembered<Images>(session, `/v1/environments/${parts}/images`, { limit: imagesEach });
    }),
  );
  return all.flatMap((one) =>
    (one?.containers ?? []).flatMap(({ repository, available }) =>
      available.map(({ tag, createdAt }) => ({
        value: `${repository}:${tag}`,
        about: createdAt === null ? "" : shortDate(createdAt),
      })),
    ),
  );
}

async function jobsOf(session: Session): Promise<JobPage["jobs"]> {
  return (await remembered<JobPage>(session, operations.listJobs.path, { limit: 30 }))?.jobs ?? [];
}

async function environmentsOf(session: Session): Promise<Environments["environments"]> {
  return (await remembered<Environments>(session, operations.listEnvironments.path, {}))?.environments ?? [];
}

function unique(values: readonly string[]): readonly Candidate[] {
  return [...new Set(values)].map((value) => ({ value, about: "" }));
}

type Query = Readonly<Record<string, string | number | undefined>>;

interface Kept {
  readonly at: number;
  readonly value: unknown;
}

/** Fresh from the cache, else from the server, else what the cache still has. */
async function remembered<T>(session: Session, path: string, query: Query): Promise<T | undefined> {
  const file = cacheFile(session, path, query);
  const kept = file === undefined ? undefined : await readKept(file);
  const now = session.io.clock.now().getTime();
  if (kept !== undefined && now - kept.at >= 0 && now - kept.at < freshMs) return kept.value as T;
  const value = await fetched(session, path, query);
  if (value === undefined) return kept?.value as T | undefined;
  if (file !== undefined) await keep(file, { at: now, value });
  return value as T;
}

async function fetched({ transport }: Session, path: string, query: Query): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const answer = await transport.try({ method: "GET", path, query, signal });
    return answer.status === 200 ? (JSON.parse(answer.text) as unknown) : undefined;
  } catch {
    // Away, slow or no JSON: then there is nothing to offer, and nothing to say at a Tab key.
    return undefined;
  }
}

/** One per server, token and question; the token itself is not in it. */
function cacheFile({ io, transport }: Session, path: string, query: Query): string | undefined {
  const own = io.env["XDG_CACHE_HOME"];
  const home = io.env["HOME"] ?? "";
  const folder = own !== undefined && isAbsolute(own) ? own : home === "" ? undefined : join(home, ".cache");
  if (folder === undefined) return undefined;
  const { url, token = "" } = transport.target;
  const key = createHash("sha256")
    .update(JSON.stringify([url, token, path, query]))
    .digest("hex");
  return join(folder, "slipway", "completion", `${key.slice(0, 32)}.json`);
}

async function readKept(file: string): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, "utf8")) as Partial<Kept>;
    return typeof kept.at === "number" ? { at: kept.at, value: kept.value } : undefined;
  } catch {
    // Not kept yet, or cut short: asked anew.
    return undefined;
  }
}

async function keep(file: string, kept: Kept): Promise<void> {
  const draft = `${file}.${process.pid}`;
  try {
    await mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
    await writeFile(draft, JSON.stringify(kept), { mode: 0o600 });
    await rename(draft, file);
  } catch {
    // A full or read-only disk costs the cache, not the completion.
  }
}
