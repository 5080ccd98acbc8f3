import type { Command } from "commander";

import type { CommandDeps } from "./commands/common.ts";

/** Hangs a verb into the program. */
type AddVerb = (program: Command, deps: CommandDeps) => void;

export type VerbGroup = "See:" | "Act:" | "Run it:";

/** Where a verb lives. Only the file of the verb that was typed is read; the overview reads them all. */
export interface VerbEntry {
  readonly group: VerbGroup;
  /** The verb, and the other names it answers to. */
  readonly names: readonly [string, ...string[]];
  load(): Promise<AddVerb>;
}

/** Every verb, in the order of the overview. A new one is a file in commands/ and an entry here. */
export const verbs: readonly VerbEntry[] = [
  {
    group: "See:",
    names: ["workloads", "list-services", "list-workloads"],
    load: async () => (await import("./commands/workloads.ts")).addWorkloads,
  },
  {
    group: "See:",
    names: ["images", "list-images"],
    load: async () => (await import("./commands/images.ts")).addImages,
  },
  { group: "See:", names: ["explain"], load: async () => (await import("./commands/explain.ts")).addExplain },
  {
    group: "See:",
    names: ["automation"],
    load: async () => (await import("./commands/automation.ts")).addAutomation,
  },
  {
    group: "See:",
    names: ["history"],
    load: async () => (await import("./commands/history.ts")).addHistory,
  },
  { group: "See:", names: ["job"], load: async () => (await import("./commands/job.ts")).addJob },
  { group: "See:", names: ["jobs"], load: async () => (await import("./commands/jobs.ts")).addJobs },
  { group: "Act:", names: ["release"], load: async () => (await import("./commands/release.ts")).addRelease },
  {
    group: "Act:",
    names: ["rollback"],
    load: async () => (await import("./commands/rollback.ts")).addRollback,
  },
  { group: "Act:", names: ["sync"], load: async () => (await import("./commands/sync.ts")).addSync },
  { group: "Act:", names: ["restart"], load: async () => (await import("./commands/restart.ts")).addRestart },
  {
    group: "Act:",
    names: ["policy", "automate", "deautomate", "lock", "unlock"],
    load: async () => (await import("./commands/policy.ts")).addPolicy,
  },
  { group: "Act:", names: ["unhold"], load: async () => (await import("./commands/unhold.ts")).addUnhold },
  { group: "Act:", names: ["cancel"], load: async () => (await import("./commands/job.ts")).addCancel },
  {
    group: "Act:",
    names: ["approve"],
    load: async () => (await import("./commands/approve.ts")).addApprove,
  },
  { group: "Act:", names: ["reject"], load: async () => (await import("./commands/approve.ts")).addReject },
  { group: "Act:", names: ["freeze"], load: async () => (await import("./commands/freeze.ts")).addFreeze },
  {
    group: "Act:",
    names: ["unfreeze"],
    load: async () => (await import("./commands/freeze.ts")).addUnfreeze,
  },
  { group: "Act:", names: ["end"], load: async () => (await import("./commands/job.ts")).addEnd },
  { group: "Run it:", names: ["login"], load: async () => (await import("./commands/login.ts")).addLogin },
  { group: "Run it:", names: ["logout"], load: async () => (await import("./commands/login.ts")).addLogout },
  {
    group: "Run it:",
    names: ["context"],
    load: async () => (await import("./commands/context.ts")).addContext,
  },
  {
    group: "Run it:",
    names: ["environment", "environments"],
    load: async () => (await import("./commands/environments.ts")).addEnvironments,
  },
  { group: "Run it:", names: ["certs"], load: async () => (await import("./commands/certs.ts")).addCerts },
  { group: "Run it:", names: ["serve"], load: async () => (await import("./commands/serve.ts")).addServe },
  {
    group: "Run it:",
    names: ["install"],
    load: async () => (await import("./commands/install.ts")).addInstall,
  },
  { group: "Run it:", names: ["token"], load: async () => (await import("./commands/token.ts")).addToken },
  { group: "Run it:", names: ["audit"], load: async () => (await import("./commands/audit.ts")).addAudit },
  { group: "Run it:", names: ["doctor"], load: async () => (await import("./commands/doctor.ts")).addDoctor },
  { group: "Run it:", names: ["config"], load: async () => (await import("./commands/config.ts")).addConfig },
  {
    group: "Run it:",
    names: ["manifest"],
    load: async () => (await import("./commands/manifest.ts")).addManifest,
  },
  { group: "Run it:", names: ["lint"], load: async () => (await import("./commands/lint.ts")).addLint },
  {
    group: "Run it:",
    names: ["completion"],
    load: async () => (await import("./commands/completion.ts")).addCompletion,
  },
  {
    group: "Run it:",
    names: ["__complete"],
    load: async () => (await import("./commands/completion.ts")).addComplete,
  },
  {
    group: "Run it:",
    names: ["version"],
    load: async () => (await import("./commands/version.ts")).addVersion,
  },
];

/** The entries a command line needs: the typed verb's alone, else all of them. */
export function entriesFor(args: readonly string[], all: readonly VerbEntry[] = verbs): readonly VerbEntry[] {
  const typed = all.filter(({ names }) => names.includes(args[0] ?? ""));
  return typed.length > 0 ? typed : all;
}
