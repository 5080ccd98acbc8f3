import { operations } from "#common/contracts/operations.ts";
import type { Operation, OperationName } from "#common/contracts/operations.ts";

import { examples } from "./examples.ts";

/** What we read and write of the document; the rest is the library's. */
export interface OpenApiDocument {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, object>> };
}

export interface DescribedOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly responses?: Readonly<Record<string, DescribedAnswer>>;
}

interface DescribedAnswer {
  readonly description?: string;
  readonly headers?: object;
  readonly content?: Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>;
}

const text = (description: string) => ({ description, schema: { type: "string" } });
const retryAfter = { "Retry-After": text("Seconds to wait before asking again.") };
const requestId = { "X-Request-Id": text("The id of the request: given, or made; in every log it reached.") };
const link = { Link: text('`<…>; rel="next"`: the next page; absent on the last.') };
const location = { Location: text("The job.") };
const eTag = { ETag: text("Send it back as If-None-Match.") };

/** Adds what schemas cannot say: who may, headers of answers, examples. */
export function finishDocument(document: OpenApiDocument): OpenApiDocument {
  const paths = Object.entries(document.paths ?? {}).map(([path, methods]) => {
    const told = Object.entries(methods).map(([method, operation]) => [method, finishOperation(operation)]);
    return [path, Object.fromEntries(told)];
  });
  return { ...document, paths: Object.fromEntries(paths), components: withExamples(document.components) };
}

function finishOperation(operation: DescribedOperation): DescribedOperation {
  const name = operation.operationId as OperationName | undefined;
  if (name === undefined) return operation;
  const { role }: Operation = operations[name];
  const needs = role === "public" ? "No token is needed." : `Needs the role ${role}.`;
  const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const headers = { ...requestId, ...headersOf(name, Number(status), answer) };
    return [status, { ...answer, headers }];
  });
  return {
    ...operation,
    description: [operation.description, needs].filter((part) => part !== undefined).join(" "),
    responses: Object.fromEntries(answers),
  };
}

const paged = new Set(["JobPage", "WorkloadPage", "ImagePage", "WorkloadHistory", "DeliveryPage"]);

function headersOf(name: OperationName, status: number, answer: DescribedAnswer): object {
  if (status === 429 || status === 503) return retryAfter;
  const [schema = ""] = Object.values(answer.content ?? {}).map((one) => one.schema?.$ref ?? "");
  const component = schema.split("/").at(-1) ?? "";
  if (status === 202 && component === "Job") return location;
  return {
    ...(status === 200 && paged.has(component) ? link : {}),
    ...(name === "listWorkloads" && (status === 200 || status === 304) ? eTag : {}),
  };
}

function withExamples(components: OpenApiDocument["components"]): OpenApiDocument["components"] {
  const schemas = Object.entries(components?.schemas ?? {}).map(([id, schema]) => {
    const example = (examples as Readonly<Record<string, unknown>>)[id.replace(/Input$/, "")];
    return [id, example === undefined ? schema : { ...schema, examples: [example] }];
  });
  return { ...components, schemas: Object.fromEntries(schemas) };
}
