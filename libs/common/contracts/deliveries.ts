import { z } from "zod";

const instant = z.iso.datetime({ offset: true });

export const deliveryStates = ["pending", "delivered", "dead"] as const;

export const delivery = z
  .strictObject({
    id: z.string().meta({ description: "What `webhook-id` says, at every try." }),
    receiver: z.string(),
    event: z.string().meta({ description: "job.<phase>, for example." }),
    environment: z.string(),
    subject: z.string().meta({ description: "The job it is about: what is told of it stays in order." }),
    state: z.enum(deliveryStates).meta({ description: "dead: given up, until somebody redelivers it." }),
    attempts: z.int(),
    createdAt: instant,
    dueAt: instant.nullable().meta({ description: "Of the next try." }),
    endedAt: instant.nullable(),
    problem: z.string().nullable().meta({ description: "What went wrong at the last try." }),
  })
  .meta({ id: "Delivery" });

export const deliveryPage = z
  .strictObject({ deliveries: z.array(delivery), next: z.string().nullable() })
  .meta({ id: "DeliveryPage" });

export type Delivery = z.infer<typeof delivery>;
