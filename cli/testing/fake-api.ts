import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { z } from "zod";

import { auditPage } from "#common/contracts/audit.ts";
import { environmentAutomation, liftedHolds } from "#common/contracts/automation-http.ts";
import { environmentCheck } from "#common/contracts/environment-check.ts";
import * as gates from "#common/contracts/gates.ts";
import * as contract from "#common/contracts/http.ts";
import { explanation, workloadPolicy } from "#common/contracts/policy-http.ts";
import { releaseRequest } from "#common/contracts/requests.ts";
import { createdToken, identity, revokedToken, tokenPage } from "#common/contracts/tokens.ts";
import type { Job, Step } from "#common/contracts/http.ts";
import { operations } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";

import { aCheck } from "./checked.ts";
import {
  aPlan,
  aToken,
  ann,
  aSucceededJob,
  aJob,
  anEnvironment,
  freshAge,
  frontEndHistory,
  frontEndImages,
  seedSteps,
  sockShop,
} from "./seed.ts";

/** What a route was asked, and what it may answer. */
interface Asked {
  readonly operation: OperationName;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
  /** How often this operation was asked, this time included. */
  readonly count: number;
}

export type Answer =
  | { readonly status?: number; readonly json: unknown; readonly headers?: Record<string, string> }
  | { readonly events: readonly string[]; readonly keepOpen?: boolean }
  | { readonly cut: true }
  | { readonly raw: string; readonly status: number; readonly type: string };

export type Routes = Partial<Record<OperationName, (asked: Asked) => Answer>>;

export interface FakeApi {
  readonly url: string;
  readonly asked: readonly Asked[];
  of(operation: OperationName): readonly Asked[];
  close(): Promise<void>;
}

/** A server that speaks the contract's shapes: each answer is checked against its schema before it leaves. */
export async function startFakeApi(routes: Routes = {}): Promise<FakeApi> {
  const all: Asked[] = [];
  const table: Routes = { ...defaultRoutes(), ...routes };
  const server = createServer((request, response) => {
    void serve({ request, response, table, all }).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: all,
    of: (operation) => all.filter((asked) => asked.operation === operation),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One frame of a job's event stream, its data checked. */
export function frame(event: "step" | "job" | "end", data: Step | Job, id: number): string {
  const checked = event === "step" ? contract.step.parse(data) : contract.job.parse(data);
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(checked)}\n\n`;
}

/** A whole job as frames. */
export function framesOf(steps: readonly Step[], end: Job): readonly string[] {
  return [...steps.map((step, at) => frame("step", step, at + 1)), frame("end", end, steps.length + 1)];
}

export function problem(status: number, code: string, more: Record<string, unknown> = {}): Answer {
  const json = { type: `/v1/errors/${code}`, title: `title of ${code}`, status, code, ...more };
  return { status, json, headers: { "content-type": "application/problem+json" } };
}

const schemas: Partial<Record<OperationName, z.ZodType>> = {
  checkEnvironment: environmentCheck,
  listEnvironments: contract.environments,
  listWorkloads: contract.workloadPage,
  listImages: contract.workloadImages,
  listAllImages: contract.imagePage,
  workloadHistory: contract.workloadHistory,
  listJobs: contract.jobPage,
  getJob: contract.job,
  listSteps: contract.steps,
  cancelJob: contract.job,
  endJob: contract.job,
  rollbackJob: contract.job,
  createRelease: contract.job,
  createSync: contract.job,
  approveJob: contract.job,
  rejectJob: contract.job,
  setFreeze: gates.setFreeze,
  liftFreeze: gates.freeze,
  changePolicies: contract.job,
  createRestart: contract.job,
  getIdentity: identity,
  createToken: createdToken,
  listTokens: tokenPage,
  revokeToken: revokedToken,
  listAudit: auditPage,
  getPolicy: workloadPolicy,
  explainWorkload: explanation,
  showAutomation: environmentAutomation,
  liftHold: liftedHolds,
};

function defaultRoutes(): Routes {
  const done = aSucceededJob();
  return {
    livez: () => ({ json: { alive: true } }),
    readyz: () => ({ json: { ready: true, failing: [], dependencies: { postgres: "ok" } } }),
    openapi: () => ({ json: { openapi: "3.1.0", info: { title: "Slipway", version: "0.1.0" } } }),
    getIdentity: () => ({ json: ann }),
    listTokens: () => ({ json: { tokens: [aToken], next: null } }),
    listEnvironments: () => ({ json: { environments: [anEnvironment] } }),
    checkEnvironment: () => ({ json: aCheck() }),
    listWorkloads: () => ({ json: { workloads: sockShop, age: freshAge, next: null } }),
    listImages: () => ({ json: frontEndImages() }),
    listAllImages: () => ({ json: { images: [frontEndImages()], age: freshAge, next: null } }),
    workloadHistory: () => ({ json: frontEndHistory }),
    createRelease: ({ body }) =>
      releaseRequest.parse(body).dryRun ? { json: aPlan } : { status: 202, json: aJob() },
    listJobs: () => ({ json: { jobs: [done], next: null } }),
    getJob: () => ({ json: done }),
    listSteps: ({ query }) => {
      const after = Number(query.get("after") ?? 0);
      return { json: { steps: seedSteps.slice(after), next: seedSteps.length } };
    },
    followJob: ({ headers }) => ({
      events: framesOf(seedSteps, done).slice(Number(headers["last-event-id"] ?? 0)),
    }),
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly table: Routes;
  readonly all: Asked[];
}

async function serve({ request, response, table, all }: Exchange): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fake");
  const found = match(request.method ?? "", url.pathname);
  const body = await readBody(request);
  if (found === undefined) return send(response, problem(404, "NOT_FOUND"));
  const { operation, parameters } = found;
  const count = all.filter((asked) => asked.operation === operation).length + 1;
  const { headers } = request;
  const asked = { operation, parameters, query: url.searchParams, body, headers, count };
  all.push(asked);
  const answer = table[operation]?.(asked) ?? problem(501, "NOT_FOUND");
  check(operation, answer);
  send(response, answer);
}

function match(method: string, path: string) {
  for (const [name, operation] of Object.entries(operations)) {
    const pattern = new RegExp(`^${operation.path.replaceAll(/:([a-z]+)/g, "(?<$1>[^/]+)")}$`);
    const hit = operation.method === method ? pattern.exec(path) : null;
    if (hit !== null) return { operation: name as OperationName, parameters: hit.groups ?? {} };
  }
  return undefined;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? undefined : JSON.parse(text);
}

function check(operation: OperationName, answer: Answer): void {
  // The one answer that is no problem+json when it is bad: probes read it.
  if (!("json" in answer) || operation === "readyz") return;
  if ((answer.status ?? 200) >= 400) {
    contract.problem.parse(answer.json);
    return;
  }
  if ((answer.status ?? 200) >= 300) return;
  const plans = operation === "createRelease" || operation === "changePolicies";
  const isPlan = plans && answer.status !== 202;
  (isPlan ? contract.plan : schemas[operation])?.parse(answer.json);
}

function send(response: ServerResponse, answer: Answer): void {
  if ("cut" in answer) {
    response.destroy();
    return;
  }
  if ("events" in answer) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`: hello\n\n${answer.events.join("")}`);
    if (answer.keepOpen !== true) response.end();
    return;
  }
  if ("raw" in answer) {
    response.writeHead(answer.status, { "content-type": answer.type });
    response.end(answer.raw);
    return;
  }
  response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
  response.end(JSON.stringify(answer.json));
}
