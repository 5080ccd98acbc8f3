import type { Plan } from "#common/contracts/http.ts";
import type { ReleaseRequest } from "#common/contracts/requests.ts";
import { headlineOf } from "#common/domain/plan.ts";
import type { JobRow } from "#common/store/schema.ts";

import { refuseBeyond, seesOf } from "../access/allowed.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveSeen } from "../environments.ts";
import { acceptOrReplay } from "./accept.ts";
import type { Asker } from "./asker.ts";
import { planRelease } from "./plan-release.ts";
import { readRequest, toSpec } from "./release-spec.ts";

/** Takes a release in as a job. */
export async function submitRelease(deps: ApiDeps, asker: Asker, body: ReleaseRequest): Promise<JobRow> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, body.environment, sees);
  refuseObserved(environment);
  const asked = readRequest(body);
  return acceptOrReplay(deps, asker, {
    body: { environment: environment.name, message: body.message ?? null, ...asked },
    draft: async () => {
      const spec = await toSpec({ ...deps, sees }, environment, asked);
      return { environment, spec, headline: headlineOf(spec), message: body.message };
    },
  });
}

/** What the release would do; nothing is stored, so observed environments allow it too. */
export async function tryRelease(deps: ApiDeps, asker: Asker, body: ReleaseRequest): Promise<Plan> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, body.environment, sees);
  const spec = await toSpec({ ...deps, sees }, environment, readRequest(body));
  refuseBeyond(asker, { environment: environment.name, workloads: spec.all ? null : spec.workloads });
  return planRelease(deps.workers, { environment: environment.name, spec });
}
