import { z } from "zod";

import type { ApiApp } from "../deps.ts";
import { at } from "./schemas.ts";

/** `GET /v1/openapi.json`: this API's own description. */
export function openapiRoutes(app: ApiApp): void {
  const description = z.record(z.string(), z.unknown());
  const schema = { summary: "This description", tags: ["description"], response: { 200: description } };
  app.route({ ...at("openapi"), schema, handler: async () => ({ ...app.swagger() }) });
}
