import type { Plan } from "#common/contracts/http.ts";
import type { ReleaseRequest } from "#common/contracts/requests.ts";
import { headlineOf } from "#common/domain/plan.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveEnvironment } from "../environments.ts";
import { acceptOrReplay, marksOf } from "./accept.ts";
import type { Asker } from "./accept.ts";
import { planRelease } from "./plan-release.ts";
import { readRequest, toSpec } from "./release-spec.ts";

/** Takes a release in as a job. */
export async function submitRelease(deps: ApiDeps, asker: Asker, body: ReleaseRequest): Promise<JobRow> {
  const environment = resolveEnvironment(deps.settings, body.environment);
  refuseObserved(environment);
  const asked = readRequest(body);
  const marks = marksOf(body);
  return acceptOrReplay(deps, asker, {
    body: { environment: environment.name, message: body.message ?? null, ...asked, ...marks },
    draft: async () => {
      const spec = await toSpec(deps, environment, asked);
      return { environment, spec, headline: headlineOf(spec), message: body.message, marks };
    },
  });
}

/** What the release would do; nothing is stored, so observed environments allow it too. */
export async function tryRelease(deps: ApiDeps, body: ReleaseRequest): Promise<Plan> {
  const environment = resolveEnvironment(deps.settings, body.environment);
  const spec = await toSpec(deps, environment, readRequest(body));
  return planRelease(deps.workers, { environment: environment.name, spec });
}
