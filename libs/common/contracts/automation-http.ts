import { z } from "zod";

import { stopReasons } from "../domain/decide.ts";
import { containerReasons } from "./policy-http.ts";
import { age } from "./http.ts";

/** What automation would do in an environment: also where it is off, so that nobody turns it on blindly. */

const instant = z.iso.datetime({ offset: true });

export const automationMove = z
  .strictObject({
    workload: z.string(),
    container: z.string(),
    from: z.string(),
    to: z.string(),
    filter: z.string().nullable(),
    detail: z.string().nullable(),
    group: z.string().nullable(),
  })
  .meta({ id: "AutomationMove" });

export const automationWait = z
  .strictObject({
    workload: z.string(),
    container: z.string().nullable().meta({ description: "Null: all of it is stopped." }),
    to: z.string().nullable(),
    reason: z.enum([...stopReasons, ...containerReasons]),
    detail: z.string().nullable(),
    until: instant.nullable(),
  })
  .meta({ id: "AutomationWait" });

export const environmentAutomation = z
  .strictObject({
    environment: z.string(),
    automation: z.enum(["on", "off"]),
    automated: z.int().meta({ description: "Workloads that are automated." }),
    moves: z
      .array(automationMove)
      .meta({ description: "What moves now; where automation is off, what would, were it turned on." }),
    waits: z.array(automationWait).meta({ description: "What has something newer and may not move yet." }),
    warnings: z.array(z.string()).meta({ description: "Other writers of the same images." }),
    age,
  })
  .meta({ id: "EnvironmentAutomation" });

export const liftedHolds = z
  .strictObject({
    workload: z.string(),
    environment: z.string(),
    lifted: z.array(
      z.strictObject({
        container: z.string(),
        image: z.string().meta({ description: "What was not to be brought." }),
        reason: z.string(),
        by: z.string().meta({ description: "Who had set it." }),
        since: instant,
      }),
    ),
  })
  .meta({ id: "LiftedHolds" });

export type EnvironmentAutomation = z.infer<typeof environmentAutomation>;
export type LiftedHolds = z.infer<typeof liftedHolds>;
