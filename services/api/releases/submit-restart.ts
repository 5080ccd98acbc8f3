import type { RestartRequest } from "#common/contracts/requests.ts";
import { shortName } from "#common/domain/plan.ts";
import { restartHeadline } from "#common/domain/sync-words.ts";
import type { JobRow } from "#common/store/schema.ts";

import type { ApiDeps } from "../deps.ts";
import { refuseObserved, resolveEnvironment } from "../environments.ts";
import { refuseOverrides } from "../gates/refuse-overrides.ts";
import { acceptOrReplay, marksOf } from "./accept.ts";
import type { Asker } from "./accept.ts";
import { chooseRunning } from "./choose-running.ts";

/** Takes a restart in as a job; git is not asked, so it works while the git host is away. */
export async function submitRestart(deps: ApiDeps, asker: Asker, body: RestartRequest): Promise<JobRow> {
  const environment = resolveEnvironment(deps.settings, body.environment);
  refuseObserved(environment);
  refuseOverrides(asker.principal, "restart", body.override);
  const { workloads, message, override } = body;
  const marks = marksOf(body);
  return acceptOrReplay(deps, asker, {
    body: { environment: environment.name, workloads, message: message ?? null, override, ...marks },
    draft: async () => {
      const chosen = await chooseRunning(deps, environment, workloads);
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
