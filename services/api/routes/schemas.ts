import { z } from "zod";

import { problem } from "#common/contracts/http.ts";
import { operations } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";

/** Parts that several routes share. */

/** Method and place of an operation's route. */
export function at(name: OperationName) {
  const { method, path } = operations[name];
  return { method, url: path } as const;
}

const problemAnswer = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problem } },
});

/** What every route may answer besides its own. */
export const problemAnswers = {
  "4xx": problemAnswer("Refused: `code` tells why, `hint` what to do."),
  "5xx": problemAnswer("Not possible now; 503 may be asked again after Retry-After."),
} as const;

export const jobPath = z.strictObject({
  id: z.string().max(64).meta({ description: "A job id, or its last eight characters." }),
});

export const workloadPath = z.strictObject({
  environment: z.string().max(63),
  namespace: z.string().max(63),
  kind: z.string().max(63),
  name: z.string().max(253),
});

export const pageLimit = (most: number, fallback: number) =>
  z.coerce.number().int().min(1).max(most).default(fallback);

export const cursor = z.string().max(600).optional().meta({ description: "`next` of the page before." });

export const idempotencyHeaders = z.object({
  "idempotency-key": z
    .string()
    .optional()
    .meta({ description: "At most 200 printable ASCII characters; the same key makes one job." }),
});

/** Where an answer is written by hand, its type is too. */
export const jsonType = "application/json; charset=utf-8";

export const security = [{ token: [] }];
