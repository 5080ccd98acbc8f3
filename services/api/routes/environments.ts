import { z } from "zod";

import { environmentCheck } from "#common/contracts/environment-check.ts";
import { environments } from "#common/contracts/http.ts";
import { coversEnvironment, entersEnvironment } from "#common/domain/access.ts";
import { readGates } from "#common/store/freezes.ts";

import { seesOf } from "../access/allowed.ts";
import { checkEnvironment } from "../check/check-environment.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveEnvironment } from "../environments.ts";
import { isFreezeSeen, toFreeze } from "../gates/freezes.ts";
import type { LiveParts } from "../live-parts.ts";
import { partialAge, toEnvironment } from "../read-model/age.ts";
import { windowsNow } from "../read-model/windows.ts";
import { readAge } from "../views.ts";
import { at, problemAnswers, security } from "./schemas.ts";

/** What environments there are, and whether one has all it needs. */
export function environmentRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "lists">): void {
  const schema = {
    summary: "The environments, and how old what is known of each is",
    tags: ["environments"],
    security,
    response: { 200: environments, ...problemAnswers },
  };
  app.route({
    ...at("listEnvironments"),
    schema,
    handler: async (request) => {
      const sees = seesOf(request);
      const seen = deps.settings.environments.filter(({ name }) => entersEnvironment(sees, name));
      const gates = await readGates(
        deps.store.db,
        seen.map(({ name }) => name),
      );
      const told = seen.map(async (one) => {
        const age = await readAge(deps, one);
        return toEnvironment(one, {
          age: coversEnvironment(sees, one.name) ? age : partialAge(age),
          freezes: gates.freezes
            .filter((freeze) => freeze.environment === one.name && isFreezeSeen(sees, freeze))
            .map(toFreeze),
          windows: windowsNow(one.windows ?? [], gates.now),
        });
      });
      return { environments: await Promise.all(told) };
    },
  });
  app.route({
    ...at("checkEnvironment"),
    schema: {
      summary:
        "Tries what an environment needs: git, cluster, rights, and how both sides match; writes nothing",
      tags: ["environments"],
      security,
      params: z.strictObject({ environment: z.string().max(63) }),
      response: { 200: environmentCheck, ...problemAnswers },
    },
    handler: async (request) =>
      checkEnvironment({ ...deps, ...live }, resolveEnvironment(deps.settings, request.params.environment)),
  });
}
