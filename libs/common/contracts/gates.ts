import { z } from "zod";

/** Freezes and approvals over HTTP. */

const instant = z.iso.datetime({ offset: true });

export const gates = ["approval", "window", "freeze", "schedule", "image", "merge"] as const;

export const freeze = z
  .strictObject({
    environment: z.string(),
    namespace: z.string().nullable().meta({ description: "Null: the whole environment." }),
    reason: z.string(),
    by: z.string(),
    since: instant,
    until: instant.nullable().meta({ description: "Null: until it is lifted." }),
  })
  .meta({ id: "Freeze", description: "Nothing is released here until it ends." });

/** How a freeze shows on the workloads it is about. */
export const workloadFreeze = freeze.omit({ environment: true }).meta({ id: "WorkloadFreeze" });

export const freezes = z.strictObject({ freezes: z.array(freeze) }).meta({ id: "Freezes" });

export const setFreeze = z
  .strictObject({
    freeze,
    underWay: z
      .array(z.string())
      .meta({ description: "Jobs whose commit was on its way or in git already: they go on to their end." }),
  })
  .meta({ id: "FreezeSet" });

export const windowNow = z
  .strictObject({
    open: z.boolean(),
    until: instant.nullable().meta({ description: "When that changes; null: not within a year." }),
    reason: z.string().nullable(),
    namespaces: z.array(z.string()).nullable().meta({ description: "Null: all; else patterns." }),
  })
  .meta({ id: "WindowNow", description: "Whether releases may run now, by the windows of the settings." });

export const approval = z
  .strictObject({
    by: z.string(),
    verdict: z.enum(["approved", "rejected"]),
    comment: z.string().nullable(),
    at: instant,
    ofThisPlan: z.boolean().meta({ description: "False: another plan was meant, so it does not count." }),
  })
  .meta({ id: "Approval" });

/** `PUT /v1/environments/:environment/freeze` */
export const freezeRequest = z
  .strictObject({
    namespace: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a namespace")
      .optional()
      .meta({ description: "This namespace alone." }),
    reason: z.string().trim().min(1).max(500),
    until: instant.optional().meta({ description: "Until it is lifted, when absent." }),
  })
  .meta({ id: "FreezeRequest" });

export const approveRequest = z
  .strictObject({
    comment: z.string().max(2000).optional(),
    plan: z
      .string()
      .max(100)
      .optional()
      .meta({ description: "`planHash` of the job as it was read; another plan is refused." }),
  })
  .meta({ id: "ApproveRequest" });

export type Freeze = z.infer<typeof freeze>;
export type FreezeSet = z.infer<typeof setFreeze>;
export type FreezeRequest = z.infer<typeof freezeRequest>;
export type ApproveRequest = z.infer<typeof approveRequest>;
export type WindowNow = z.infer<typeof windowNow>;
