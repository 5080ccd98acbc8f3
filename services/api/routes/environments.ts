import { environments } from "#common/contracts/http.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { toEnvironment } from "../read-model/age.ts";
import { readAge } from "../views.ts";
import { at, problemAnswers, security } from "./schemas.ts";

/** `GET /v1/environments` */
export function environmentRoutes(app: ApiApp, deps: ApiDeps): void {
  const schema = {
    summary: "The environments, and how old what is known of each is",
    tags: ["environments"],
    security,
    response: { 200: environments, ...problemAnswers },
  };
  app.route({
    ...at("listEnvironments"),
    schema,
    handler: async () => ({
      environments: await Promise.all(
        deps.settings.environments.map(async (one) => toEnvironment(one, await readAge(deps, one))),
      ),
    }),
  });
}
