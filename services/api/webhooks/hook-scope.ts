import type { FastifyRequest } from "fastify";

import type { WebhookSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { codedError } from "../problem.ts";

const bodyBytes = 1024 * 1024;
/** A shorter secret is guessed sooner or later, since nobody is locked out here. */
const shortestSecret = 16;

/** Routes for webhooks: bodies stay the bytes they came as, and refusals are counted. */
export function inHookScope(app: ApiApp, deps: ApiDeps, addRoutes: (scope: ApiApp) => void): void {
  void app.register(async (scope: ApiApp) => {
    keepRawBodies(scope);
    countRefusals(scope, deps);
    addRoutes(scope);
  });
}

/** The secret as it is now, so that it can be changed without a restart. */
export function readHookSecret(
  deps: Pick<ApiDeps, "secretOf">,
  { secretFile: file, secretEnv: env }: WebhookSettings,
): string {
  try {
    const secret = deps.secretOf({ file, env }) ?? "";
    if (secret.length >= shortestSecret) return secret;
  } catch (cause) {
    // The reason names a place on our disk, which is for the log.
    throw new SlipwayError("UNAVAILABLE", { detail: "the webhook's secret cannot be read", cause });
  }
  const detail = `the webhook's secret has fewer than ${shortestSecret} characters`;
  throw new SlipwayError("UNAVAILABLE", { detail });
}

/** Which part was wrong is not told. */
export function hookRefused(): SlipwayError {
  return new SlipwayError("WEBHOOK_REFUSED");
}

/** The bytes as they came; none where nothing was sent. */
export function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

/** A signature is over the bytes as they came, whatever their type is called. */
function keepRawBodies(scope: ApiApp): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: bodyBytes }, (_request, body, done) => {
    done(null, body);
  });
}

function countRefusals(scope: ApiApp, { metrics }: ApiDeps): void {
  scope.addHook("onError", async (_request, _reply, error) => metrics.webhookRefused(codedError(error).code));
}
