import type { SyncRequest } from "#common/contracts/requests.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { shortName } from "#common/domain/plan.ts";
import { syncHeadline } from "#common/domain/sync-words.ts";
import { formatWorkloadId, parseWorkloadId } from "#common/domain/workload.ts";
import type { JobRow } from "#common/store/schema.ts";

import { seesOf } from "../access/allowed.ts";
import type { ApiDeps } from "../deps.ts";
import { refuseObserved, refuseUnseen, resolveSeen } from "../environments.ts";
import { acceptOrReplay, marksOf } from "./accept.ts";
import type { Asker } from "./asker.ts";
import { chooseWorkloads } from "./choose-workloads.ts";
import type { ChooseDeps } from "./choose-workloads.ts";

/** Takes a sync in as a job: what git declares now, read in order with the releases. */
export async function submitSync(deps: ApiDeps, asker: Asker, body: SyncRequest): Promise<JobRow> {
  const sees = seesOf(asker);
  const environment = resolveSeen(deps.settings, body.environment, sees);
  refuseObserved(environment);
  refuseHandedOff(environment);
  const { workloads = [], namespace = null, all = false, message, override } = body;
  const marks = marksOf(body);
  if (namespace !== null) refuseUnseen(environment, namespace);
  const what = { environment: environment.name, workloads, namespace, all };
  return acceptOrReplay(deps, asker, {
    body: { ...what, message: message ?? null, override, ...marks },
    draft: async () => {
      const chosen = await chooseDeclared({ ...deps, sees }, environment, workloads);
      return {
        environment,
        spec: { kind: "sync", workloads: chosen, all, namespace, override },
        headline: syncHeadline({ names: chosen.map(shortName), namespace }),
        message,
        marks,
      };
    },
  });
}

/**
 * Names in full need not be known yet: what was pushed a moment ago is only seen when the job reads the
 * tip, which then fails where git does not declare it.
 */
async function chooseDeclared(
  deps: ChooseDeps,
  environment: EnvironmentSettings,
  texts: readonly string[],
): Promise<string[]> {
  try {
    return await chooseWorkloads(deps, environment, texts);
  } catch (error) {
    const isUnknown =
      error instanceof SlipwayError &&
      (error.code === "WORKLOAD_NOT_FOUND" || error.code === "WORKLOAD_NOT_DECLARED");
    if (!isUnknown || !texts.every((text) => text.includes("/"))) throw error;
    return texts.map((text) => {
      const { namespace, kind, name } = parseWorkloadId(text);
      return kind === undefined ? `${namespace}/${name}` : formatWorkloadId({ namespace, kind, name });
    });
  }
}

function refuseHandedOff({ mode, name }: EnvironmentSettings): void {
  if (mode !== "hand-off") return;
  throw new SlipwayError("ENVIRONMENT_HANDED_OFF", {
    detail: name,
    hint: "ask the tool that applies it, e.g. flux reconcile or argocd app sync",
  });
}
