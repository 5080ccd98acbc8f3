import type { Plan } from "#common/contracts/http.ts";
import type { ReleaseRequest } from "#common/contracts/requests.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { headlineOf } from "#common/domain/plan.ts";
import type { JobRow } from "#common/store/schema.ts";

import { refuseBeyond, seesOf } from "../access/allowed.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveSeen } from "../environments.ts";
import { refuseOverrides } from "../gates/refuse-overrides.ts";
import { acceptOrReplay, marksOf } from "./accept.ts";
import type { Asker } from "./asker.ts";
import { planRelease } from "./plan-release.ts";
import { readRequest, toSpec } from "./release-spec.ts";

/** Takes a release in as a job. */
export async function submitRelease(deps: ApiDeps, asker: Asker, body: ReleaseRequest): Promise<JobRow> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, body.environment, sees);
  refuseObserved(environment);
  const asked = readRequest(body);
  const marks = marksOf(body);
  return acceptOrReplay(deps, asker, {
    body: { environment: environment.name, message: body.message ?? null, ...asked, ...marks },
    draft: async () => {
      await refuseFarSchedule(deps, body.notBefore);
      const spec = await toSpec({ ...deps, sees }, environment, asked);
      return { environment, spec, headline: headlineOf(spec), message: body.message, marks };
    },
  });
}

/** What the release would do; nothing is stored, so observed environments allow it too. */
export async function tryRelease(deps: ApiDeps, asker: Asker, body: ReleaseRequest): Promise<Plan> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, body.environment, sees);
  const spec = await toSpec({ ...deps, sees }, environment, readRequest(body));
  const part = { environment: environment.name, workloads: spec.all ? null : spec.workloads };
  refuseBeyond(asker, part);
  refuseOverrides(asker.principal, spec, part);
  return planRelease(deps.workers, { environment: environment.name, spec });
}

const farthestMs = 366 * 24 * 3_600_000;

/** A time that has passed is no mistake: a request that is repeated goes at once. */
async function refuseFarSchedule(
  { store }: Pick<ApiDeps, "store">,
  notBefore: string | undefined,
): Promise<void> {
  if (notBefore === undefined) return;
  if (new Date(notBefore).getTime() - (await store.now()).getTime() <= farthestMs) return;
  throw new SlipwayError("SCHEDULE_INVALID", { detail: `${notBefore} is more than a year from now` });
}
