import swagger from "@fastify/swagger";
import type { RouteOptions } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";

import type { ApiApp } from "../deps.ts";
import { declaredProblems } from "./declared-problems.ts";
import { finishDocument } from "./finish-document.ts";
import type { OpenApiDocument } from "./finish-document.ts";

/** Describes every route that is added afterwards, as OpenAPI 3.1, from the schemas that validate. */
export async function describeApi(app: ApiApp, version: string): Promise<void> {
  app.addHook("onRoute", declareProblems);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Slipway",
        version,
        description: "List what runs and what exists, release it as a durable job, watch it, undo it.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/", description: "Where this document came from." }],
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer", description: "A token of this installation." },
        },
      },
    },
    transform: (input) => {
      const { schema, url } = jsonSchemaTransform(input);
      const operationId = input.route.config?.operation;
      return { schema: operationId === undefined ? schema : { ...schema, operationId }, url };
    },
    transformObject: (input) => {
      // The library's types are those of another version of the same document.
      const document = jsonSchemaTransformObject(input) as unknown as OpenApiDocument;
      return finishDocument(document);
    },
  });
}

/** Every status that a route may refuse with, by its own number: a range would declare everything. */
function declareProblems(route: RouteOptions): void {
  const name = route.config?.operation;
  if (name === undefined) return;
  const {
    "4xx": _refused,
    "5xx": _failed,
    ...own
  } = (route.schema?.response ?? {}) as Record<string, unknown>;
  route.schema = { ...route.schema, response: { ...declaredProblems(name), ...own } };
}
