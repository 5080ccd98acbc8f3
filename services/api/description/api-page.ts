import type { DescribedOperation, OpenApiDocument } from "./finish-document.ts";
import { escapeHtml, htmlPage, proseHtml } from "./html.ts";

interface Shown extends DescribedOperation {
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: object }>> };
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: object;
}

/** The document as a page that people read from top to bottom. */
export function apiPage(document: OpenApiDocument, version: string): string {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation: operation as Shown })),
  );
  const groups = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? "other");
  const sections = [...groups].map(
    ([tag, ones]) =>
      `<h2 id="${escapeHtml(tag)}">${escapeHtml(tag)}</h2>${ones.map((one) => operationHtml(one, document)).join("\n")}`,
  );
  return htmlPage(
    "Slipway API",
    `<h1>Slipway API <span class="muted">${escapeHtml(version)}</span></h1>
<p>Send <code>Authorization: Bearer TOKEN</code>. The same for programs:
<a href="/v1/openapi.json">openapi.json</a>. What can go wrong: <a href="/v1/errors">error codes</a>.</p>
${sections.join("\n")}
<h2 id="shapes">Shapes</h2>${Object.entries(document.components?.schemas ?? {})
      .map(shapeHtml)
      .join("\n")}`,
  );
}

function operationHtml(
  { path, method, operation }: { path: string; method: string; operation: Shown },
  document: OpenApiDocument,
): string {
  const { summary = "", description = "", parameters = [] } = operation;
  const rows = parameters.map(
    (one) =>
      `<tr><td><code>${escapeHtml(one.name)}</code> <span class="muted">${escapeHtml(one.in)}${one.required === true ? ", needed" : ""}</span></td><td>${proseHtml(one.description ?? "")} ${schemaHtml(one.schema)}</td></tr>`,
  );
  const body = Object.values(operation.requestBody?.content ?? {}).map(
    ({ schema }) => `<p>Body: ${schemaHtml(schema)}</p>${exampleHtml(schema, document)}`,
  );
  const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const shapes = Object.entries(answer.content ?? {}).map(
      ([type, one]) => `${escapeHtml(type)} ${schemaHtml(one.schema)}`,
    );
    return `<tr><td>${status}</td><td>${proseHtml(answer.description ?? "")} ${shapes.join(", ")}</td></tr>`;
  });
  const table = rows.length === 0 ? "" : `<table>${rows.join("\n")}</table>`;
  return `<details id="${escapeHtml(operation.operationId ?? path)}"><summary><span class="method">${method.toUpperCase()}</span><code>${escapeHtml(path)}</code> ${proseHtml(summary)}</summary>
<p>${proseHtml(description)}</p>${table}${body.join("")}<table>${answers.join("\n")}</table></details>`;
}

function shapeHtml([id, schema]: [string, object]): string {
  return `<details id="shape-${escapeHtml(id)}"><summary><code>${escapeHtml(id)}</code></summary><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></details>`;
}

function exampleHtml(schema: object | undefined, document: OpenApiDocument): string {
  const named = document.components?.schemas?.[refOf(schema) ?? ""];
  const examples: unknown = named === undefined ? undefined : Reflect.get(named, "examples");
  if (!Array.isArray(examples)) return "";
  return `<pre>${escapeHtml(JSON.stringify(examples[0], null, 2))}</pre>`;
}

function schemaHtml(schema: object | undefined): string {
  if (schema === undefined) return "";
  const id = refOf(schema);
  if (id !== undefined) return `<a href="#shape-${escapeHtml(id)}">${escapeHtml(id)}</a>`;
  const { description: _said, ...rest } = schema as { description?: string };
  return `<code class="muted">${escapeHtml(JSON.stringify(rest).slice(0, 300))}</code>`;
}

function refOf(schema: object | undefined): string | undefined {
  const ref: unknown = schema === undefined ? undefined : Reflect.get(schema, "$ref");
  return typeof ref === "string" ? ref.split("/").at(-1) : undefined;
}
