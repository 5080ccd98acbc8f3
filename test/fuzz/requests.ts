import type { ServedDocument, ServedOperation } from "#support/served-api.ts";

import type { Random } from "./random.ts";
import { anyText, anyValue } from "./values.ts";

/** One request, made of the document by chance. */
export interface FuzzRequest {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The client goes away while it waits. */
  readonly vanishes: boolean;
  /** It is sent twice at once. */
  readonly twice: boolean;
}

interface Place {
  readonly path: string;
  readonly method: string;
  readonly operation: ServedOperation;
}

export interface FuzzPlan {
  readonly document: ServedDocument;
  readonly tokens: readonly string[];
  /** Ids of jobs that exist. */
  readonly jobs: readonly string[];
}

/** Makes request after request. */
export function createRequests(random: Random, plan: FuzzPlan): () => FuzzRequest {
  const places: Place[] = Object.entries(plan.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return () => {
    const { path, method, operation } = random.pick(places);
    const { headers, body } = bodyOf(random, plan, operation);
    const isStream = operation.operationId.startsWith("follow");
    return {
      operation: operation.operationId,
      method: random.chance(0.02) ? random.pick(["PUT", "DELETE", "PATCH", "OPTIONS"]) : method.toUpperCase(),
      path: pathOf(random, plan, { path, operation }),
      headers: { ...headers, ...headersOf(random, plan) },
      body,
      vanishes: isStream || random.chance(0.03),
      twice: !isStream && random.chance(0.05),
    };
  };
}

function pathOf(random: Random, plan: FuzzPlan, { path, operation }: Omit<Place, "method">): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    if (name === "id" && random.chance(0.6)) return random.pick(plan.jobs);
    return encode(anyText(random));
  });
  const pairs = (operation.parameters ?? [])
    .filter((parameter) => parameter.in === "query" && random.chance(0.25))
    .map(({ name, schema }) => {
      const value = anyValue(random, schema, { schemas: plan.document.components.schemas });
      return `${name}=${encode(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))}`;
    });
  if (random.chance(0.04)) pairs.push(random.pick(["=", "%zz", "a[b]=c", "&&&", `x=${"y".repeat(3_000)}`]));
  return pairs.length === 0 ? filled : `${filled}?${pairs.join("&")}`;
}

/** As it is, but for what no client can send at all. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function headersOf(random: Random, { tokens }: FuzzPlan): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!random.chance(0.04)) headers["authorization"] = `Bearer ${random.pick(tokens)}`;
  if (random.chance(0.2))
    headers["idempotency-key"] = random.pick(["a", "b", "c", "é", "k".repeat(201), " "]);
  if (random.chance(0.1)) headers["x-request-id"] = random.pick(["build-1", "a b", "x".repeat(300)]);
  if (random.chance(0.1)) headers["last-event-id"] = random.pick(["0", "3", "x", "1-1", "9".repeat(30)]);
  if (random.chance(0.05)) headers["if-none-match"] = random.pick(["*", '"x"', "W/"]);
  if (random.chance(0.02)) for (let at = 0; at < 60; at += 1) headers[`x-flood-${at}`] = "f".repeat(200);
  return headers;
}

const deep = 20_000;

function bodyOf(
  random: Random,
  plan: FuzzPlan,
  operation: ServedOperation,
): { body: string | undefined; headers: Record<string, string> } {
  const [schema] = Object.values(operation.requestBody?.content ?? {}).map((content) => content.schema);
  const json = { "content-type": "application/json" };
  if (schema === undefined)
    return random.chance(0.9) ? { body: undefined, headers: {} } : { body: "{}", headers: json };
  if (random.chance(0.03)) {
    const body = random.pick([
      "[".repeat(deep) + "]".repeat(deep),
      `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`,
      `{"message":"${"x".repeat(1_100_000)}"}`,
      "{",
      "",
      "\0",
      '{"__proto__":{"all":true}}',
      '{"all":true,"all":false}',
    ]);
    return { body, headers: json };
  }
  const body = JSON.stringify(anyValue(random, schema, { schemas: plan.document.components.schemas }));
  const types = [
    "text/plain",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-7",
  ];
  return { body, headers: random.chance(0.03) ? { "content-type": random.pick(types) } : json };
}
