import type { FastifyRequest } from "fastify";
import { z } from "zod";

import { laneSubject, queueNames } from "#common/contracts/queue.ts";
import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { laneKey } from "#common/domain/git-url.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { wakeLane } from "#common/store/lanes.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { createCalmHints } from "../webhooks/calm-hints.ts";
import type { CalmHints } from "../webhooks/calm-hints.ts";
import { bodyOf, hookRefused, inHookScope, readHookSecret } from "../webhooks/hook-scope.ts";
import { isElsewhere, pushedRefs } from "../webhooks/pushed-refs.ts";
import { isSecret, isSigned } from "../webhooks/signature.ts";
import { at, problemAnswers } from "./schemas.ts";

/** However often a host calls, a branch is looked at once in so long. */
const lookEveryMs = 1_000;

const environmentName = z.string().max(63);
const signedPath = z.strictObject({ environment: environmentName });
const secretPath = z.strictObject({ environment: environmentName, secret: z.string().max(300) });

/**
 * Git hosts tell that something was pushed. It is only ever a hint to look at the branch: nothing of
 * the body reaches a plan, so that the worst a forged one can do is a needless look.
 */
export function webhookRoutes(app: ApiApp, deps: ApiDeps): void {
  inHookScope(app, deps, (scope) => {
    const hints = createCalmHints({ ...deps, everyMs: lookEveryMs, look: (lane) => lookAtLane(deps, lane) });
    scope.addHook("onClose", async () => hints.stop());
    const common = {
      tags: ["webhooks"],
      response: { 202: z.strictObject({}).meta({ description: "Heard." }), ...problemAnswers },
    };

    scope.route({
      ...at("gitWebhook"),
      schema: {
        ...common,
        summary: "A git host that signs tells that something was pushed",
        params: signedPath,
      },
      handler: async (request, reply) => {
        const hook = hookOf(deps, request.params.environment);
        const body = bodyOf(request);
        if (!isSigned({ headers: request.headers, body }, hook.secret)) throw hookRefused();
        await hear(hints, hook, request);
        return reply.code(202).send({});
      },
    });

    scope.route({
      ...at("gitWebhookBySecret"),
      schema: {
        ...common,
        summary: "The same from a host that cannot sign: the secret is the end of the path",
        params: secretPath,
      },
      handler: async (request, reply) => {
        const hook = hookOf(deps, request.params.environment);
        if (!isSecret(request.params.secret, hook.secret)) throw hookRefused();
        await hear(hints, hook, request);
        return reply.code(202).send({});
      },
    });
  });
}

interface Hook {
  readonly git: EnvironmentSettings["git"];
  readonly secret: string;
}

/** Whether an environment is unknown or has no webhook is not told: nobody has logged in here. */
function hookOf(deps: ApiDeps, name: string): Hook {
  const git = deps.settings.environments.find((one) => one.name === name)?.git;
  if (git?.webhook === undefined) throw new SlipwayError("WEBHOOK_NOT_FOUND");
  return { git, secret: readHookSecret(deps, git.webhook) };
}

async function hear(hints: CalmHints, { git }: Hook, request: FastifyRequest): Promise<void> {
  const refs = pushedRefs(bodyOf(request), request.headers["content-type"]);
  if (isElsewhere(refs, git)) return;
  await hints.hint(laneKey(git.url, git.branch));
}

async function lookAtLane(deps: ApiDeps, laneId: string): Promise<void> {
  await wakeLane(deps.store.db, laneId);
  deps.ring(queueNames.worker, laneSubject(laneId));
}
