import { z } from "zod";

import { mayShareRepository, transportOf } from "../domain/git-url.ts";
import { automationTiming } from "./automation-settings.ts";
import { approvalsSettings, windowsSettings } from "./gate-settings.ts";
import { manifestSettings } from "./manifest-settings.ts";
import { notificationSettings } from "./notification-settings.ts";
import { retentionSettings } from "./retention-settings.ts";
import { oidcSettings } from "./oidc-settings.ts";
import { policyRules } from "./policy-settings.ts";

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

/** Names of files that git and ssh open themselves; relative ones are meant beside the settings file. */
const fileName = z.string().regex(/^[^\0\r\n]+$/, "the name of a file");

/** What a host signs its webhooks with, or the unguessable part of their path where it cannot. */
const webhookSettings = z
  .strictObject({ secretFile: fileName.optional(), secretEnv: z.string().min(1).optional() })
  .refine((hook) => (hook.secretFile === undefined) !== (hook.secretEnv === undefined), {
    message: 'give either "secretFile" or "secretEnv"',
  });

/** `shop`, `team-*`, `*-prod`: a name of a namespace with any number of stars. */
const namespacePattern = z
  .string()
  .regex(/^[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?$/, "a namespace or a pattern such as team-*");

const messagePlaceholders = ["headline", "message", "changes", "requestedBy", "job"];

/** `{name}` stands for a part of the commit message; anything else in braces is a mistake. */
const messageTemplate = z
  .string()
  .min(1)
  .max(4000)
  .superRefine((text, context) => {
    for (const [, name = ""] of text.matchAll(/\{(\w*)\}/g)) {
      if (messagePlaceholders.includes(name)) continue;
      const message = `{${name}} is none of ${messagePlaceholders.map((one) => `{${one}}`).join(", ")}`;
      context.addIssue({ code: "custom", message });
    }
  });

const gitSettings = z
  .strictObject({
    url: z.string().min(1).max(2000),
    branch: z.string().min(1).max(200).default("main"),
    paths: z.array(z.string().min(1).max(500)).max(50).default(["."]),
    username: z.string().min(1).optional(),
    ...secret,
    allowHttp: z.boolean().default(false),
    /** ssh: the private key (mode 0600) and the host keys that are trusted; both or neither. */
    sshKeyFile: fileName.optional(),
    knownHostsFile: fileName.optional(),
    author: z
      .strictObject({ name: z.string().min(1), email: z.string().min(3) })
      .default({ name: "Slipway", email: "slipway@localhost" }),
    /** The commit's author is who asked for the release; its committer stays `author`. */
    authorFromUser: z.boolean().optional(),
    messageTemplate: messageTemplate.optional(),
    /** Ends the message with `[skip ci]`. */
    skipCi: z.boolean().optional(),
    /**
     * direct: releases are pushed to the branch. proposal: each to a branch `slipway/<job>` of its own, for
     * branches that only a merge may move; the job waits until the branch holds its images.
     */
    push: z.enum(["direct", "proposal"]).default("direct"),
    /** Where people open a merge, with `{branch}` and `{proposal}`; well-known hosts need none. */
    compareUrl: z.string().min(1).max(500).optional(),
    /** An OpenSSH private key that signs the commits. */
    signingKeyFile: fileName.optional(),
    webhook: webhookSettings.optional(),
  })
  .superRefine((git, context) => {
    const { sshKeyFile, knownHostsFile } = git;
    const needed = transportOf(git.url) === "ssh" || sshKeyFile !== undefined || knownHostsFile !== undefined;
    for (const [name, value] of Object.entries({ sshKeyFile, knownHostsFile })) {
      if (!needed || value !== undefined) continue;
      context.addIssue({ code: "custom", path: [name], message: `git over ssh needs ${name}` });
    }
  });

export const environmentSettings = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a lower-case DNS label"),
  cluster: z
    .strictObject({
      kubeconfig: z.string().min(1).optional(),
      context: z.string().min(1).optional(),
      inCluster: z.boolean().default(false),
      /** A kubeconfig may name a program to log in with; it is run only where this says so. */
      allowExec: z.boolean().optional(),
    })
    .refine((c) => c.inCluster !== (c.kubeconfig !== undefined), {
      message: 'give either "kubeconfig" or "inCluster: true"',
    }),
  git: gitSettings,
  mode: z.enum(["observe", "apply", "hand-off"]).default("observe"),
  defaultNamespace: z.string().min(1).default("default"),
  rolloutDeadline: durationMs.default(600_000),
  onFailure: z.enum(["none", "rollback"]).default("none"),
  conflicts: z.enum(["refuse", "force"]).default("refuse"),
  /**
   * Which namespaces are seen and released to. Allowed names without a star are watched one by one,
   * for which a Role in each is enough; everything else asks for a ClusterRole.
   */
  namespaces: z
    .strictObject({
      allow: z.array(namespacePattern).min(1).max(200).optional(),
      deny: z.array(namespacePattern).max(200).optional(),
    })
    .optional(),
  /** release-only: git is applied by releases alone. on-change: what people push is applied too. */
  sync: z.enum(["release-only", "on-change"]).optional(),
  /** Whether the watcher may read the pull secrets of workloads, for the scanner alone. */
  pullSecrets: z.boolean().optional(),
  /** Whether owners (Flux, Argo CD) may be asked to look at git at once, by their annotation. */
  nudgeOwners: z.boolean().optional(),
  /** A rollout counts once the workload stayed healthy for so long. */
  healthyFor: durationMs.optional(),
  /** Whether a release may add an `images:` entry to the environment's own kustomization. */
  kustomize: z.strictObject({ addImages: z.boolean().default(false) }).optional(),
  /** Where images stand besides pods: values files of charts, custom kinds. */
  manifests: manifestSettings.optional(),
  /** When releases may run; without any, always. */
  windows: windowsSettings.optional(),
  /** Whose consent a release needs; without any, nobody's. */
  approvals: approvalsSettings.optional(),
  /** Whether Slipway releases by itself what policies choose. */
  automation: z.enum(["off", "on"]).optional(),
  automationTiming: automationTiming.optional(),
  /** The platform team's word on policies; the workloads' annotations narrow it. */
  policies: policyRules.optional(),
});

export const registrySettings = z.strictObject({
  host: z.string().min(1),
  endpoint: z.url().optional(),
  username: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  passwordEnv: z.string().min(1).optional(),
  insecure: z.boolean().default(false),
  /** The program `docker-credential-<name>` logs in, as for ECR, Google and Azure. */
  credentialHelper: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/, "what follows docker-credential- in the program's name")
    .optional(),
  /** Certificates (PEM) of an authority of your own; public ones count beside it. */
  caFile: fileName.optional(),
  /** A client certificate and its key (PEM), shown to this host alone; both or neither. */
  certFile: fileName.optional(),
  keyFile: fileName.optional(),
  /** An HTTP proxy, or "none" where HTTPS_PROXY does not count; a password in it is refused. */
  proxy: z
    .union([
      z.literal("none"),
      z.url({ protocol: /^https?$/ }).refine((url) => !URL.canParse(url) || new URL(url).password === "", {
        message: "must hold no password; use HTTPS_PROXY",
      }),
    ])
    .optional(),
  /** Tells of pushes to this registry, so that they are listed at once. */
  webhook: webhookSettings.optional(),
  /** What all scanners together may ask of it; `requestBurst` is by default twice as much. */
  requestsPerSecond: z.number().min(0.1).max(10_000).optional(),
  requestBurst: z.number().int().min(1).max(100_000).optional(),
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
    /** Docker's `config.json`: its auths, and the credential helpers it names. */
    dockerConfigFile: fileName.optional(),
    /** Between two scans of a repository: of one that is used a lot, and of one that was quiet for long. */
    scanInterval: durationMs.default(30_000),
    scanIntervalLongest: durationMs.default(900_000),
    allowPrivateRegistries: z.boolean().default(false),
    retention: retentionSettings.optional(),
    /** Who is told of what happens. */
    notifications: notificationSettings.optional(),
    /** Identity providers whose tokens count, and what their claims give. */
    oidc: z.array(oidcSettings).max(20).default([]),
    /** How long the audit log is kept; what jobs did stays in it when the jobs are gone. */
    auditRetentionDays: z.int().min(30).max(3_650).default(730),
  })
  .superRefine((value, context) => {
    value.environments.forEach((environment, index) => {
      const twin = value.environments.slice(0, index).find((other) => twoSpellings(other, environment));
      if (twin === undefined) return;
      const path = ["environments", index, "git", "url"];
      const message = `is another spelling of the repository of environment "${twin.name}" on the same branch; write both alike`;
      context.addIssue({ code: "custom", path, message });
    });
    const seen = new Set<string>();
    value.environments.forEach((environment, index) => {
      if (seen.has(environment.name)) {
        const path = ["environments", index, "name"];
        context.addIssue({ code: "custom", path, message: `"${environment.name}" is used twice` });
      }
      seen.add(environment.name);
    });
  });

/** They would push to one branch and one lane ref under two lanes, past each other's lease. */
function twoSpellings(a: EnvironmentSettings, b: EnvironmentSettings): boolean {
  return a.git.branch === b.git.branch && mayShareRepository(a.git.url, b.git.url);
}

export type Settings = z.infer<typeof settings>;
export type EnvironmentSettings = z.infer<typeof environmentSettings>;
export type RegistrySettings = z.infer<typeof registrySettings>;
export type WebhookSettings = z.infer<typeof webhookSettings>;
