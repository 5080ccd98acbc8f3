import type { EnvironmentAutomation, LiftedHolds } from "#common/contracts/automation-http.ts";
import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { ApproveRequest, Freeze, FreezeRequest, FreezeSet } from "#common/contracts/gates.ts";
import type {
  Environments,
  ImagePage,
  Job,
  JobPage,
  Plan,
  Steps,
  Workload,
  WorkloadHistory,
  WorkloadImages,
  WorkloadPage,
} from "#common/contracts/http.ts";
import type { Explanation, WorkloadPolicy } from "#common/contracts/policy-http.ts";
import type { PolicyRequestInput } from "#common/contracts/policy-requests.ts";
import type {
  EndRequest,
  ReleaseRequestInput,
  RestartRequestInput,
  RollbackRequestInput,
  SyncRequestInput,
} from "#common/contracts/requests.ts";
import { operations } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";

import { createAccessClient } from "./access-client.ts";
import type { AccessClient } from "./access-client.ts";
import type { Ask, Transport } from "./http.ts";
import { readEvents } from "./sse.ts";
import type { ServerEvent } from "./sse.ts";

interface WorkloadQuery {
  readonly environment?: string | undefined;
  readonly namespace?: string | undefined;
  readonly filter?: string | undefined;
  /** Selectors, with commas. */
  readonly label?: string | undefined;
  readonly state?: readonly string[];
}

interface ImageQuery {
  readonly refresh?: boolean;
  readonly every?: boolean;
  readonly container?: string | undefined;
}

interface ExplainQuery {
  readonly container?: string | undefined;
  readonly limit: number;
}

interface JobQuery {
  readonly environment?: string | undefined;
  readonly workload?: string | undefined;
  readonly image?: string | undefined;
  readonly label?: readonly string[] | undefined;
  readonly commit?: string | undefined;
  readonly source?: string | undefined;
  readonly requestedBy?: string | undefined;
  readonly outcome?: string | undefined;
  readonly kind?: string | undefined;
  readonly phase?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** The API as the command line uses it; every call throws CliProblem. */
export interface ApiClient extends AccessClient {
  readonly url: string;
  environments(): Promise<Environments>;
  checkEnvironment(environment: string): Promise<EnvironmentCheck>;
  /** Every page, up to a limit, as one. */
  workloads(query: WorkloadQuery): Promise<WorkloadPage>;
  images(workload: Workload, query: ImageQuery): Promise<WorkloadImages>;
  /** Of every workload, from the last scans: every page, up to a limit, as one. */
  allImages(query: Pick<WorkloadQuery, "environment" | "namespace"> & { images: number }): Promise<ImagePage>;
  /** Newest first; `limit` 0 is as many as there are, up to 10,000. */
  history(workload: WorkloadPath, limit: number): Promise<WorkloadHistory>;
  policy(workload: WorkloadPath): Promise<WorkloadPolicy>;
  planPolicies(body: PolicyRequestInput): Promise<Plan>;
  changePolicies(body: PolicyRequestInput, key: string): Promise<Job>;
  explain(workload: WorkloadPath, query: ExplainQuery): Promise<Explanation>;
  automation(environment: string): Promise<EnvironmentAutomation>;
  /** Of one container, or of all that are held. */
  liftHold(workload: WorkloadPath, container: string | undefined): Promise<LiftedHolds>;
  plan(body: ReleaseRequestInput): Promise<Plan>;
  release(body: ReleaseRequestInput, key: string): Promise<Job>;
  sync(body: SyncRequestInput, key: string): Promise<Job>;
  restart(body: RestartRequestInput, key: string): Promise<Job>;
  rollback(id: string, body: RollbackRequestInput, key: string): Promise<Job>;
  cancel(id: string, key: string): Promise<Job>;
  end(id: string, body: EndRequest, key: string): Promise<Job>;
  approve(id: string, body: ApproveRequest): Promise<Job>;
  reject(id: string, body: ApproveRequest): Promise<Job>;
  freeze(environment: string, body: FreezeRequest): Promise<FreezeSet>;
  /** Of a namespace, or of the whole environment. */
  unfreeze(environment: string, namespace: string | undefined): Promise<Freeze>;
  /** Newest first; `limit` 0 is as many as there are, up to 10,000. */
  jobs(query: JobQuery, limit: number): Promise<readonly Job[]>;
  job(id: string): Promise<Job>;
  steps(id: string, after: number): Promise<Steps>;
  /** The job's events from after `lastEventId` on, until the server or the signal ends them. */
  events(id: string, lastEventId: number, signal: AbortSignal): Promise<AsyncGenerator<ServerEvent>>;
  serverVersion(): Promise<string>;
}

const workloadPageSize = 5_000;
const imagePageSize = 2_000;
const jobPageSize = 200;
/** The most the API lists per container; it sends 1,000 unless asked for more. */
const imagesLimit = 10_000;
const workloadPagesLimit = 40;
const jobsLimit = 10_000;

/** The contract's operations over a transport. */
export function createApiClient(transport: Transport): ApiClient {
  const get = <T>(name: OperationName, more: Partial<Ask> & { parameters?: Parameters } = {}) =>
    transport.json<T>({ method: "GET", path: pathOf(name, more.parameters), ...more });
  const post = <T>(name: OperationName, more: Partial<Ask> & { parameters?: Parameters }) =>
    transport.json<T>({ method: "POST", path: pathOf(name, more.parameters), ...more });
  return {
    ...createAccessClient(transport),
    url: transport.target.url,
    environments: () => get("listEnvironments"),
    checkEnvironment: (environment) => post("checkEnvironment", { parameters: { environment } }),
    workloads: (query) => allWorkloads(get, query),
    images: (workload, { refresh, every, container }) => {
      const limit = every === true ? imagesLimit : undefined;
      const query = { refresh: refresh || undefined, limit, container };
      return get("listImages", { parameters: partsOf(workload), query });
    },
    allImages: (query) => allImages(get, query),
    history: (workload, limit) => someHistory(get, workload, limit),
    policy: (workload) => get("getPolicy", { parameters: partsOf(workload) }),
    planPolicies: (body) => post("changePolicies", { body: { ...body, dryRun: true } }),
    changePolicies: (body, key) => post("changePolicies", { body, key }),
    explain: (workload, { container, limit }) =>
      get("explainWorkload", { parameters: partsOf(workload), query: { container, limit } }),
    automation: (environment) => get("showAutomation", { parameters: { environment } }),
    liftHold: (workload, container) =>
      transport.json({
        method: "DELETE",
        path: pathOf("liftHold", partsOf(workload)),
        query: { container },
      }),
    plan: (body) => post("createRelease", { body: { ...body, dryRun: true } }),
    release: (body, key) => post("createRelease", { body, key }),
    sync: (body, key) => post("createSync", { body, key }),
    restart: (body, key) => post("createRestart", { body, key }),
    rollback: (id, body, key) => post("rollbackJob", { parameters: { id }, body, key }),
    cancel: (id, key) => post("cancelJob", { parameters: { id }, key }),
    end: (id, body, key) => post("endJob", { parameters: { id }, body, key }),
    approve: (id, body) => post("approveJob", { parameters: { id }, body }),
    reject: (id, body) => post("rejectJob", { parameters: { id }, body }),
    freeze: (environment, body) =>
      transport.json({ method: "PUT", path: pathOf("setFreeze", { environment }), body }),
    unfreeze: (environment, namespace) =>
      transport.json({ method: "DELETE", path: pathOf("liftFreeze", { environment }), query: { namespace } }),
    jobs: (query, limit) => someJobs(get, query, limit),
    job: (id) => get("getJob", { parameters: { id } }),
    steps: (id, after) => get("listSteps", { parameters: { id }, query: { after } }),
    events: (id, lastEventId, signal) => openEvents(transport, id, { lastEventId, signal }),
    serverVersion: async () => {
      const description = await get<{ info?: { version?: string } }>("openapi");
      return description.info?.version ?? "unknown";
    },
  };
}

type Parameters = Readonly<Record<string, string>>;
type Get = <T>(name: OperationName, more: Partial<Ask> & { parameters?: Parameters }) => Promise<T>;

function pathOf(name: OperationName, parameters: Parameters = {}): string {
  return operations[name].path.replaceAll(/:([a-z]+)/g, (_, key: string) =>
    encodeURIComponent(parameters[key] ?? ""),
  );
}

/** What names one workload in a path. */
export type WorkloadPath = Pick<Workload, "environment" | "namespace" | "kind" | "name">;

function partsOf(workload: WorkloadPath): Parameters {
  const { environment, namespace, kind, name } = workload;
  return { environment, namespace, kind: kind.toLowerCase(), name };
}

async function allWorkloads(get: Get, query: WorkloadQuery): Promise<WorkloadPage> {
  const workloads: Workload[] = [];
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const answer = await get<WorkloadPage>("listWorkloads", {
      query: { ...query, limit: workloadPageSize, cursor },
    });
    workloads.push(...answer.workloads);
    if (answer.next === null || page >= workloadPagesLimit) return { ...answer, workloads };
    cursor = answer.next;
  }
}

async function allImages(
  get: Get,
  query: { environment?: string | undefined; namespace?: string | undefined; images: number },
): Promise<ImagePage> {
  const images: WorkloadImages[] = [];
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const answer = await get<ImagePage>("listAllImages", {
      query: { ...query, limit: imagePageSize, cursor },
    });
    images.push(...answer.images);
    if (answer.next === null || page >= workloadPagesLimit) return { ...answer, images };
    cursor = answer.next;
  }
}

async function someHistory(get: Get, workload: WorkloadPath, limit: number): Promise<WorkloadHistory> {
  const wanted = limit <= 0 ? jobsLimit : Math.min(limit, jobsLimit);
  const parameters = partsOf(workload);
  const ask = (size: number, cursor: string | undefined) =>
    get<WorkloadHistory>("workloadHistory", { parameters, query: { limit: size, cursor } });
  let page = await ask(Math.min(jobPageSize, wanted), undefined);
  const entries = [...page.entries];
  while (entries.length < wanted && page.next !== null && page.entries.length > 0) {
    page = await ask(Math.min(jobPageSize, wanted - entries.length), page.next);
    entries.push(...page.entries);
  }
  return { ...page, entries };
}

async function someJobs(get: Get, query: JobQuery, limit: number): Promise<readonly Job[]> {
  const wanted = limit <= 0 ? jobsLimit : Math.min(limit, jobsLimit);
  const jobs: Job[] = [];
  let cursor: string | undefined;
  while (jobs.length < wanted) {
    const size = Math.min(jobPageSize, wanted - jobs.length);
    const answer = await get<JobPage>("listJobs", { query: { ...query, limit: size, cursor } });
    jobs.push(...answer.jobs);
    // An empty page would let the loop turn for ever.
    if (answer.next === null || answer.jobs.length === 0) break;
    cursor = answer.next;
  }
  return jobs.slice(0, wanted);
}

interface EventsAsk {
  readonly lastEventId: number;
  readonly signal: AbortSignal;
}

async function openEvents(transport: Transport, id: string, ask: EventsAsk) {
  const answer = await transport.stream({
    method: "GET",
    path: pathOf("followJob", { id }),
    headers: {
      accept: "text/event-stream",
      ...(ask.lastEventId > 0 ? { "last-event-id": String(ask.lastEventId) } : {}),
    },
    signal: ask.signal,
  });
  const type = answer.header("content-type") ?? "";
  if (!type.startsWith("text/event-stream")) {
    answer.close();
    throw new Error(`not an event stream but "${type}"`);
  }
  return readEvents(answer.body);
}
