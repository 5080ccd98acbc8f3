import type { FastifyRequest } from "fastify";
import { z } from "zod";

import { queueNames, repositorySubject } from "#common/contracts/queue.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { wakeImageWaits, wakeUsedRepository } from "#common/store/image-hints.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { createCalmHints } from "../webhooks/calm-hints.ts";
import type { CalmHints } from "../webhooks/calm-hints.ts";
import { bodyOf, hookRefused, inHookScope, readHookSecret } from "../webhooks/hook-scope.ts";
import { canonicalHost, pushedRepositories } from "../webhooks/pushed-images.ts";
import { isSecret, isSignedByRegistry } from "../webhooks/signature.ts";
import { at, problemAnswers } from "./schemas.ts";

/** However often a registry calls, an image repository is looked at once in so long. */
const lookEveryMs = 1_000;

const host = z.string().max(300).meta({ description: "As the settings name it." });
const signedPath = z.strictObject({ host });
const secretPath = z.strictObject({ host, secret: z.string().max(300) });

/**
 * Registries tell that something was pushed. It is only ever a hint to list a repository that somebody
 * uses: no tag and no digest of the body is believed, and none of another registry is heard.
 */
export function registryWebhookRoutes(app: ApiApp, deps: ApiDeps): void {
  inHookScope(app, deps, (scope) => {
    const hints = createCalmHints({ ...deps, everyMs: lookEveryMs, look: (key) => lookAtImages(deps, key) });
    scope.addHook("onClose", async () => hints.stop());
    const common = {
      tags: ["webhooks"],
      response: { 202: z.strictObject({}).meta({ description: "Heard." }), ...problemAnswers },
    };

    scope.route({
      ...at("registryWebhook"),
      schema: {
        ...common,
        summary: "A registry that signs, or sends a header, tells that something was pushed",
        params: signedPath,
      },
      handler: async (request, reply) => {
        const hook = hookOf(deps, request.params.host);
        const body = bodyOf(request);
        if (!isSignedByRegistry({ headers: request.headers, body }, hook.secret)) throw hookRefused();
        await hear(hints, hook.host, request);
        return reply.code(202).send({});
      },
    });

    scope.route({
      ...at("registryWebhookBySecret"),
      schema: {
        ...common,
        summary: "The same from a registry that can do neither: the secret is the end of the path",
        params: secretPath,
      },
      handler: async (request, reply) => {
        const hook = hookOf(deps, request.params.host);
        if (!isSecret(request.params.secret, hook.secret)) throw hookRefused();
        await hear(hints, hook.host, request);
        return reply.code(202).send({});
      },
    });
  });
}

interface Hook {
  /** Canonical. */
  readonly host: string;
  readonly secret: string;
}

/** Whether a registry is unknown or has no webhook is not told: nobody has logged in here. */
function hookOf(deps: ApiDeps, name: string): Hook {
  const wanted = canonicalHost(name);
  const registry = deps.settings.registries.find((one) => canonicalHost(one.host) === wanted);
  if (wanted === undefined || registry?.webhook === undefined) throw new SlipwayError("WEBHOOK_NOT_FOUND");
  return { host: wanted, secret: readHookSecret(deps, registry.webhook) };
}

async function hear(hints: CalmHints, of: string, request: FastifyRequest): Promise<void> {
  const keys = pushedRepositories(bodyOf(request), {
    contentType: request.headers["content-type"],
    host: of,
  });
  for (const key of keys) await hints.hint(key);
}

/** What nobody uses is nobody's news, except to a job that waits for it. */
async function lookAtImages(deps: ApiDeps, key: string): Promise<void> {
  const { db } = deps.store;
  if (await wakeUsedRepository(db, key)) deps.ring(queueNames.scanner, repositorySubject(key));
  if ((await wakeImageWaits(db, key)) > 0) deps.ring(queueNames.worker, repositorySubject(key));
}
