import { z } from "zod";

/** What a client got, as far as the document says something about it. */
export interface Seen {
  readonly method: string;
  /** With its query or without. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
}

/** The API as its own document declares it. */
export interface ServedApi {
  readonly document: ServedDocument;
  /** What is wrong with an answer; undefined when it is declared. */
  undeclared(seen: Seen): string | undefined;
}

export interface ServedDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ServedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface ServedOperation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
}

/** Reads the document that a server serves. */
export async function readServedApi(url: string): Promise<ServedApi> {
  const response = await fetch(`${url}/v1/openapi.json`, { signal: AbortSignal.timeout(30_000) });
  return createServedApi((await response.json()) as ServedDocument);
}

export function createServedApi(document: ServedDocument): ServedApi {
  const schemas = createSchemas(document);
  const routes = Object.entries(document.paths).map(([template, methods]) => ({
    methods,
    pattern: new RegExp(`^${template.replaceAll(/[.]/g, "[.]").replaceAll(/\{[^}]+\}/g, "[^/]*")}$`),
    parts: template.split("{").length,
  }));
  // A fixed path goes before one with parameters.
  routes.sort((a, b) => a.parts - b.parts);
  return {
    document,
    undeclared(seen) {
      const { method, path, status } = seen;
      const [bare = ""] = path.split("?", 1);
      // Fluxctl's own contract, which its tests replay.
      if (bare.startsWith("/api/flux/")) return undefined;
      const route = routes.find(
        ({ pattern, methods }) => pattern.test(bare) && method.toLowerCase() in methods,
      );
      const operation = route?.methods[method.toLowerCase()];
      // Nothing is there: a problem of the catalogue's is all there may be.
      if (operation === undefined)
        return status >= 400 && status < 500 ? undefined : "is not declared at all";
      const answer = operation.responses[String(status)];
      if (answer === undefined) return `answers ${status}, which ${operation.operationId} does not declare`;
      const told = wrongBody(schemas, answer.content, seen);
      return told && `${operation.operationId} ${status}: ${told}`;
    },
  };
}

type Content = Readonly<Record<string, { readonly schema: object }>> | undefined;

function wrongBody(schemas: Schemas, content: Content, { text, contentType }: Seen): string | undefined {
  const declared = Object.entries(content ?? {});
  const type = (contentType ?? "").split(";", 1)[0] ?? "";
  if (declared.length === 0 || text === "")
    return text === "" ? undefined : "has a body, and none is declared";
  const schema = declared.find(([name]) => name === type)?.[1].schema;
  if (schema === undefined) return `is ${type}, declared is ${declared.map(([name]) => name).join(", ")}`;
  if (!type.endsWith("json") || type.includes("ndjson")) return undefined;
  const read = schemas.of(schema).safeParse(JSON.parse(text));
  return read.success ? undefined : `${z.prettifyError(read.error)}\n${text.slice(0, 500)}`;
}

interface Schemas {
  of(schema: object): z.ZodType;
}

function createSchemas({ components }: ServedDocument): Schemas {
  const made = new Map<string, z.ZodType>();
  const inDefs = (value: object): object =>
    JSON.parse(JSON.stringify(value).replaceAll("#/components/schemas/", "#/$defs/")) as object;
  const $defs = inDefs(components.schemas);
  return {
    of(schema) {
      const key = JSON.stringify(schema);
      const known = made.get(key) ?? z.fromJSONSchema({ ...inDefs(schema), $defs } as never);
      made.set(key, known);
      return known;
    },
  };
}
