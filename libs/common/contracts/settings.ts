import { z } from "zod";

/** The settings file (`slipway.yaml`), one for all services; secrets are named, never held. */

const durationMs = z
  .string()
  .regex(/^\d{1,6}(ms|s|m|h)$/, "a duration such as 30s, 10m, 2h")
  .transform((text) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    const [, amount = "0", name = "s"] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
    return Number(amount) * unit[name as keyof typeof unit];
  });

const secret = {
  tokenFile: z.string().min(1).optional(),
  tokenEnv: z.string().min(1).optional(),
};

export const environmentSettings = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a lower-case DNS label"),
  cluster: z
    .strictObject({
      kubeconfig: z.string().min(1).optional(),
      context: z.string().min(1).optional(),
      inCluster: z.boolean().default(false),
    })
    .refine((c) => c.inCluster !== (c.kubeconfig !== undefined), {
      message: 'give either "kubeconfig" or "inCluster: true"',
    }),
  git: z.strictObject({
    url: z.string().min(1).max(2000),
    branch: z.string().min(1).max(200).default("main"),
    paths: z.array(z.string().min(1).max(500)).max(50).default(["."]),
    username: z.string().min(1).optional(),
    ...secret,
    allowHttp: z.boolean().default(false),
    author: z
      .strictObject({ name: z.string().min(1), email: z.string().min(3) })
      .default({ name: "Slipway", email: "slipway@localhost" }),
  }),
  mode: z.enum(["observe", "apply", "hand-off"]).default("observe"),
  defaultNamespace: z.string().min(1).default("default"),
  rolloutDeadline: durationMs.default(600_000),
  onFailure: z.enum(["none", "rollback"]).default("none"),
  conflicts: z.enum(["refuse", "force"]).default("refuse"),
});

export const registrySettings = z.strictObject({
  host: z.string().min(1),
  endpoint: z.url().optional(),
  username: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  passwordEnv: z.string().min(1).optional(),
  insecure: z.boolean().default(false),
});

export const settings = z
  .strictObject({
    installation: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, "a lower-case DNS label of at most 32 characters")
      .default("slipway"),
    publicUrl: z.url().optional(),
    environments: z.array(environmentSettings).min(1).max(200),
    registries: z.array(registrySettings).max(200).default([]),
    scanInterval: durationMs.default(60_000),
    allowPrivateRegistries: z.boolean().default(false),
  })
  .superRefine((value, context) => {
    const seen = new Set<string>();
    value.environments.forEach((environment, index) => {
      if (seen.has(environment.name)) {
        const path = ["environments", index, "name"];
        context.addIssue({ code: "custom", path, message: `"${environment.name}" is used twice` });
      }
      seen.add(environment.name);
    });
  });

export type Settings = z.infer<typeof settings>;
export type EnvironmentSettings = z.infer<typeof environmentSettings>;
export type RegistrySettings = z.infer<typeof registrySettings>;
