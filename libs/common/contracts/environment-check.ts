import { z } from "zod";

import { jobError } from "./http.ts";

/** The onboarding screen over HTTP: `POST /v1/environments/:environment/check`. */

export const checkTrial = z
  .strictObject({
    ok: z.boolean(),
    code: z.string().nullable().meta({ description: "Of the error catalogue; null when it went well." }),
    detail: z.string().nullable(),
    hint: z.string().nullable(),
  })
  .meta({ id: "CheckTrial" });

export const checkRight = z
  .strictObject({
    verb: z.string(),
    group: z.string().meta({ description: "Empty: the core group." }),
    resource: z.string(),
    namespace: z.string().nullable().meta({ description: "Null: in all namespaces." }),
    allowed: z.boolean(),
    neededFor: z.string().meta({ description: "watching, explaining, releasing, syncing or nudging." }),
    required: z.boolean(),
    reason: z.string().nullable(),
  })
  .meta({ id: "CheckRight" });

const unmatched = z.array(z.strictObject({ workload: z.string(), reason: z.string() }));

export const environmentCheck = z
  .strictObject({
    environment: z.string(),
    mode: z.enum(["observe", "apply", "hand-off"]),
    ok: z.boolean().meta({ description: "Whether everything that this mode needs is there." }),
    git: z.strictObject({
      url: z.string(),
      branch: z.string(),
      paths: z.array(z.string()),
      read: checkTrial,
      tip: z.string().nullable(),
      files: z.int().meta({ description: "Manifests in the paths." }),
      push: checkTrial.meta({ description: "The host's word; nothing was pushed." }),
      pushNeeded: z.boolean(),
      level: z
        .enum(["lane-ref", "lane-branch", "branch-only"])
        .nullable()
        .meta({ description: "What keeps late pushes out at this host; null before the first release." }),
    }),
    cluster: z.strictObject({
      reach: checkTrial,
      version: z.string().nullable(),
      view: checkTrial.meta({ description: "What the watcher sees." }),
      rights: z.array(checkRight),
    }),
    match: z
      .strictObject({
        live: z.int(),
        declared: z.int(),
        matched: z.int(),
        notInGit: unmatched,
        notLive: unmatched,
      })
      .nullable()
      .meta({ description: "Null while the cluster cannot be seen whole." }),
    registries: z.array(
      z.strictObject({
        host: z.string(),
        repositories: z.int(),
        failing: z.int(),
        waiting: z.int().meta({ description: "Not scanned yet." }),
        problem: jobError.nullable(),
        paces: z
          .array(
            z.strictObject({
              reason: z.string().meta({
                description: "automated, changed, asked, quiet, reading, unreadable or rate-limited.",
              }),
              repositories: z.int(),
              longestSeconds: z.number(),
            }),
          )
          .meta({ description: "How often its repositories are scanned, and why; the most frequent first." }),
      }),
    ),
    warnings: z.array(z.string()),
    next: z.string().meta({ description: "What to do now." }),
  })
  .meta({ id: "EnvironmentCheck" });

export type EnvironmentCheck = z.infer<typeof environmentCheck>;
