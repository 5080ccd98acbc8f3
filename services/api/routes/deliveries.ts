import { z } from "zod";

import { delivery, deliveryPage, deliveryStates } from "#common/contracts/deliveries.ts";
import type { Delivery } from "#common/contracts/deliveries.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { writeAudit } from "#common/store/audit.ts";
import { listDeliveries, redeliver } from "#common/store/deliveries.ts";
import type { DeliveryRow } from "#common/store/schema.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";
import { askerOf, auditOf } from "../releases/asker.ts";
import { linkNext } from "./link-next.ts";
import { at, cursor, pageLimit, problemAnswers, security } from "./schemas.ts";

const deliveryQuery = z.strictObject({
  state: z.enum(deliveryStates).optional(),
  receiver: z
    .string()
    .regex(/^[a-z0-9-]{1,63}$/, "the name of a receiver")
    .optional(),
  limit: pageLimit(200, 50),
  cursor,
});

/** Notifications on their way and those that were given up; a worker sends them. */
export function deliveryRoutes(app: ApiApp, deps: ApiDeps): void {
  const common = { tags: ["notifications"], security };
  app.route({
    ...at("listDeliveries"),
    schema: {
      ...common,
      summary: "Notifications and what became of them, newest first; state=dead: those that were given up",
      querystring: deliveryQuery,
      response: { 200: deliveryPage, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const { deliveries, next } = await listDeliveries(deps.store.db, request.query);
      linkNext(request, reply, next);
      return { deliveries: deliveries.map(toDelivery), next };
    },
  });
  app.route({
    ...at("redeliver"),
    schema: {
      ...common,
      summary: "Send a notification once more, under the same id",
      params: z.strictObject({ id: z.string().max(64) }),
      response: { 202: delivery, ...problemAnswers },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
        throw new SlipwayError("DELIVERY_NOT_FOUND", { detail: "it is not the id of one" });
      }
      const row = await deps.store.transaction(async (tx) => {
        const again = await redeliver(tx, id);
        await writeAudit(tx, {
          ...auditOf(askerOf(request, "redeliver")),
          environment: again.environment,
          outcome: "accepted",
          detail: { delivery: id, receiver: again.receiver },
        });
        return again;
      });
      return reply.code(202).send(toDelivery(row));
    },
  });
}

function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    receiver: row.receiver,
    event: row.kind,
    environment: row.environment,
    subject: row.subject,
    state: row.state,
    attempts: row.attempt,
    createdAt: row.created_at.toISOString(),
    dueAt: row.state === "pending" ? row.due_at.toISOString() : null,
    endedAt: row.ended_at?.toISOString() ?? null,
    problem: row.problem,
  };
}
