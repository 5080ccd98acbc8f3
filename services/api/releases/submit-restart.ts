import type { RestartRequest } from "#common/contracts/requests.ts";
import { shortName } from "#common/domain/plan.ts";
import { restartHeadline } from "#common/domain/sync-words.ts";
import type { JobRow } from "#common/store/schema.ts";

import { seesOf } from "../access/allowed.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveSeen } from "../environments.ts";
import { acceptOrReplay, marksOf } from "./accept.ts";
import type { Asker } from "./asker.ts";
import { chooseRunning } from "./choose-running.ts";

/** Takes a restart in as a job; git is not asked, so it works while the git host is away. */
export async function submitRestart(deps: ApiDeps, asker: Asker, body: RestartRequest): Promise<JobRow> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, body.environment, sees);
  refuseObserved(environment);
  const { workloads, message, override } = body;
  const marks = marksOf(body);
  return acceptOrReplay(deps, asker, {
    body: { environment: environment.name, workloads, message: message ?? null, override, ...marks },
    draft: async () => {
      const chosen = await chooseRunning({ ...deps, sees }, environment, workloads);
      return {
        environment,
        spec: { kind: "restart", workloads: chosen, override },
        headline: restartHeadline(chosen.map(shortName)),
        message,
        marks,
      };
    },
  });
}
