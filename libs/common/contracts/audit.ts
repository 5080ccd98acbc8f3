import { z } from "zod";

/** The audit log as the API answers it. */

const facts = z.record(z.string(), z.unknown());

export const auditEntry = z
  .strictObject({
    id: z.string(),
    at: z.iso.datetime({ offset: true }),
    principal: z.string().meta({ description: "Who, by name." }),
    principalId: z.string().nullable().meta({
      description: "A token's id, or issuer#subject; null for Slipway itself.",
    }),
    operation: z.string().meta({
      description: "What was asked for; jobEnded: how a job ended and what it changed.",
    }),
    environment: z.string().nullable(),
    job: z.string().nullable(),
    workloads: z.array(z.string()).nullable().meta({ description: "Null: not about single ones." }),
    outcome: z.string(),
    reason: z.string().nullable().meta({ description: "Why, in the words of whoever asked." }),
    address: z.string().nullable().meta({ description: "From where." }),
    requestId: z.string().nullable(),
    before: facts.nullable(),
    after: facts.nullable(),
    detail: facts,
  })
  .meta({ id: "AuditEntry" });

export const auditPage = z
  .strictObject({ entries: z.array(auditEntry), next: z.string().nullable() })
  .meta({ id: "AuditPage" });

export type AuditEntry = z.infer<typeof auditEntry>;
export type AuditPage = z.infer<typeof auditPage>;
