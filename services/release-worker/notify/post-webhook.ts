import { request as requestPlain } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as requestTls } from "node:https";

import type { ReceiverSettings } from "#common/contracts/notification-settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { createGuardedLookup, refuseLiteralAddress } from "#common/kit/address-guard.ts";
import type { AddressRules } from "#common/kit/address-guard.ts";

export interface WebhookPost {
  readonly receiver: Pick<ReceiverSettings, "url" | "reach">;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

const timeoutMs = 10_000;

/**
 * Posts and reads nothing but the status: no redirect is followed, and no body is believed. The address
 * is judged when it is connected to; a receiver that does not answer is RECEIVER_UNAVAILABLE.
 */
export function postWebhook({ receiver, headers, body, signal }: WebhookPost): Promise<WebhookAnswer> {
  const url = new URL(receiver.url);
  const rules = rulesOf(receiver);
  const options: RequestOptions = {
    method: "POST",
    headers: {
      ...headers,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "Slipway",
    },
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(rules !== undefined && { lookup: createGuardedLookup(rules) }),
  };
  return new Promise((resolve, reject) => {
    if (rules !== undefined) refuseLiteralAddress(url.hostname, rules);
    const send = url.protocol === "https:" ? requestTls : requestPlain;
    const call = send(url, options, (response) => {
      response.destroy();
      resolve({ status: response.statusCode ?? 0, retryAfterMs: retryAfter(response) });
    });
    call.on("error", (cause) => reject(toError(url, cause)));
    call.end(body);
  });
}

function rulesOf({ reach }: Pick<ReceiverSettings, "reach">): AddressRules | undefined {
  if (reach === "anywhere") return undefined;
  return {
    allowPrivate: reach === "private",
    denied: (hostname, range) =>
      new SlipwayError("RECEIVER_ADDRESS_DENIED", {
        detail: `${hostname} is a ${range} address`,
        hint: "set reach of the receiver in the settings if this is meant",
      }),
  };
}

function toError({ host }: URL, cause: Error): SlipwayError {
  if (cause instanceof SlipwayError) return cause;
  const slow = cause.name === "TimeoutError" || cause.name === "AbortError";
  const detail = slow ? `${host} did not answer in ${timeoutMs / 1_000} s` : `${host}: ${cause.message}`;
  return new SlipwayError("RECEIVER_UNAVAILABLE", { detail, cause });
}

function retryAfter({ headers }: IncomingMessage): number | undefined {
  const seconds = /^\d{1,6}$/.exec(headers["retry-after"] ?? "")?.[0];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
