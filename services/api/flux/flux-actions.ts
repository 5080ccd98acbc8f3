import type { ReleaseRequest } from "#common/contracts/requests.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { saveFluxPlan } from "#common/store/flux-plans.ts";

import type { ApiDeps } from "../deps.ts";
import type { Asker } from "../releases/asker.ts";
import { submitPolicy } from "../releases/submit-policy.ts";
import { submitRelease, tryRelease } from "../releases/submit-release.ts";
import { submitSync } from "../releases/submit-sync.ts";
import type { FluxJobStatus } from "./flux-answers.ts";
import { toPolicyAsked } from "./flux-policies.ts";
import { messageOf, toContainerRequest, toReleaseRequest } from "./flux-release.ts";
import { toFluxResults } from "./flux-results.ts";
import type { FluxCause, FluxPolicies, FluxUpdate } from "./flux-update.ts";

export interface FluxAction {
  readonly environment: EnvironmentSettings;
  readonly asker: Asker;
  readonly update: FluxUpdate;
}

/** Does what fluxctl asks for; the id it then polls. */
export async function startFluxUpdate(deps: ApiDeps, action: FluxAction): Promise<string> {
  const { update, environment, asker } = action;
  switch (update.type) {
    case "image":
      return release(deps, action, toReleaseRequest(update.spec, wordsOf(action)));
    case "containers": {
      const chosen = toContainerRequest(update.spec, wordsOf(action));
      return chosen === undefined ? keepResult(deps, asker, {}) : release(deps, action, chosen);
    }
    case "policy":
      return changePolicies(deps, action, update);
    case "sync": {
      const message = messageOf(update.cause);
      const body = { environment: environment.name, all: true as const, override: [], ...message };
      return (await submitSync(deps, asker, body)).id;
    }
    default:
      throw new SlipwayError("INVALID_REQUEST", {
        detail: `an update of type "${update.type}" cannot be asked for here`,
        hint: "automated releases are decided by Slipway itself; ask for an image, a policy or a sync",
      });
  }
}

function wordsOf({ update, environment }: FluxAction): { cause: FluxCause; environment: string } {
  return { cause: update.cause, environment: environment.name };
}

async function release(deps: ApiDeps, { asker }: FluxAction, body: ReleaseRequest): Promise<string> {
  if (!body.dryRun) return (await submitRelease(deps, asker, body)).id;
  const plan = await tryRelease(deps, asker, body);
  return keepResult(deps, asker, toFluxResults(plan.results));
}

async function changePolicies(
  deps: ApiDeps,
  { environment, asker }: FluxAction,
  { spec, cause }: { spec: FluxPolicies; cause: FluxCause },
): Promise<string> {
  const asked = toPolicyAsked(spec, { cause, environment: environment.name });
  if (asked === undefined) return keepResult(deps, asker, {});
  return (await submitPolicy(deps, asker, asked)).id;
}

/** What is known at once is polled like a job all the same. */
async function keepResult(
  { store, newId }: Pick<ApiDeps, "store" | "newId">,
  { principal }: Asker,
  result: FluxJobStatus["Result"]["result"],
): Promise<string> {
  const id = newId();
  const status: FluxJobStatus = { Result: { result: result ?? {} }, Err: "", StatusString: "succeeded" };
  await saveFluxPlan(store.db, { id, principal: principal.tokenId, result: status });
  return id;
}
