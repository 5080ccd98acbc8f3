import { z } from "zod";

import { stopReasons } from "../domain/decide.ts";
import { age, dateSources } from "./http.ts";

/** What the API answers about policies and about what they decide. */

const instant = z.iso.datetime({ offset: true });

const policyHold = z.strictObject({
  container: z.string(),
  image: z.string().meta({ description: "The image that was rolled back." }),
  reason: z.string(),
  job: z.string(),
  since: instant,
});

export const policyPart = z
  .strictObject({
    key: z.string(),
    value: z.string(),
    source: z.strictObject({
      kind: z.enum(["rule", "annotation"]),
      name: z
        .string()
        .meta({ description: "The rule's place in the settings, or the annotation's whole name." }),
    }),
    counts: z.boolean(),
    note: z
      .string()
      .nullable()
      .meta({ description: "Why it does not count, or that it counts with another." }),
  })
  .meta({ id: "PolicyPart" });

export const workloadPolicy = z
  .strictObject({
    workload: z.string(),
    environment: z.string(),
    file: z.string().nullable().meta({ description: "Null: git does not declare it." }),
    automation: z.enum(["on", "off"]).meta({ description: "Of the environment." }),
    automated: z.boolean(),
    locked: z.boolean(),
    lock: z.strictObject({ by: z.string().nullable(), message: z.string().nullable() }).nullable(),
    ignore: z.boolean(),
    hold: z.string().nullable().meta({ description: "A person's stop for automation." }),
    holds: z.array(policyHold).meta({ description: "Set by rollouts that failed." }),
    filters: z.array(z.strictObject({ container: z.string(), filter: z.string().nullable() })),
    minAgeMs: z.int().nullable(),
    platforms: z.array(z.string()),
    pinDigest: z.boolean(),
    allowDowngrade: z.boolean(),
    group: z.string().nullable(),
    autoRollback: z.boolean().nullable().meta({ description: "Null: as the environment says." }),
    deadlineMs: z.int().nullable().meta({ description: "Null: as the environment says." }),
    parts: z.array(policyPart).meta({ description: "Every word on it, and where it stands." }),
    faults: z
      .array(z.string())
      .meta({ description: "While there is any, nothing is decided automatically." }),
    warnings: z.array(z.string()),
  })
  .meta({ id: "WorkloadPolicy" });

export const candidateReasons = [
  "chosen",
  "older",
  "lower-version",
  "lower-number",
  "earlier-text",
  "no-created-time",
  "too-young",
  "age-unknown",
  "other-platform",
  "platform-unknown",
  "no-node",
  "digest-unknown",
  "downgrade",
  "latest-excluded",
  "filtered-out",
  "not-a-version",
  "not-a-number",
] as const;

export const containerReasons = [
  "newer-image",
  "up-to-date",
  "held",
  "tried-before",
  "images-stale",
  "not-editable",
  "immutable-kind",
  "not-an-image",
  "no-policy",
  "no-image-data",
  "no-eligible-image",
] as const;

export const explainedCandidate = z
  .strictObject({
    tag: z.string(),
    digest: z.string().nullable(),
    created: instant.nullable(),
    dateFrom: z.enum(dateSources),
    order: z.int().meta({ description: "From 1, best first; those left out come last." }),
    reason: z.enum(candidateReasons),
    current: z.boolean(),
  })
  .meta({ id: "ExplainedCandidate" });

export const explainedContainer = z
  .strictObject({
    container: z.string(),
    image: z.string().meta({ description: "As git declares it." }),
    filter: z.string().nullable(),
    reason: z.enum(containerReasons),
    detail: z.string().nullable(),
    to: z
      .string()
      .nullable()
      .meta({ description: "What it becomes, or would become if nothing stopped it." }),
    imagesMs: z.int().nullable().meta({ description: "Since its registry was read." }),
    total: z.int(),
    candidates: z.array(explainedCandidate),
  })
  .meta({ id: "ExplainedContainer" });

export const explanation = z
  .strictObject({
    workload: z.string(),
    environment: z.string(),
    moves: z.boolean().meta({ description: "Whether automation would move something of it now." }),
    stops: z
      .array(
        z.strictObject({
          reason: z.enum(stopReasons),
          detail: z.string().nullable(),
          until: instant.nullable(),
        }),
      )
      .meta({ description: "Why automation leaves all of it alone." }),
    containers: z.array(explainedContainer),
    age,
  })
  .meta({ id: "Explanation" });

export type WorkloadPolicy = z.infer<typeof workloadPolicy>;
export type Explanation = z.infer<typeof explanation>;
