import type { FastifyReply } from "fastify";

import { SlipwayError } from "#common/domain/errors.ts";

/** Answers that stay open: counted per client, ended when the client goes or the process stops. */
export interface OpenAnswers {
  /** RATE_LIMITED when the client has too many already. */
  open(client: string, reply: FastifyReply): OpenAnswer;
  /** Ends them all. */
  closeAll(): void;
}

export interface OpenAnswer {
  /** Fires when nobody listens any more. */
  readonly signal: AbortSignal;
  close(): void;
}

export interface OpenLimits {
  readonly perClient: number;
  readonly inAll: number;
}

/** The register of a process. */
export function createOpenAnswers(limits: OpenLimits): OpenAnswers {
  const counts = new Map<string, number>();
  const controllers = new Set<AbortController>();
  return {
    closeAll: () => controllers.forEach((controller) => controller.abort()),
    open: (client, reply) => {
      const count = counts.get(client) ?? 0;
      if (count >= limits.perClient || controllers.size >= limits.inAll) {
        const detail = `${count} answers are open for this token; the limit is ${limits.perClient}`;
        throw new SlipwayError("RATE_LIMITED", { detail });
      }
      const controller = new AbortController();
      counts.set(client, count + 1);
      controllers.add(controller);
      const gone = (): void => controller.abort();
      reply.raw.once("close", gone);
      return {
        signal: controller.signal,
        close: () => {
          reply.raw.off("close", gone);
          if (!controllers.delete(controller)) return;
          const left = (counts.get(client) ?? 1) - 1;
          if (left > 0) counts.set(client, left);
          else counts.delete(client);
        },
      };
    },
  };
}
