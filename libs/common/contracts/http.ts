import { z } from "zod";

import { approval, freeze, gates, windowNow, workloadFreeze } from "./gates.ts";
import { imageOrigin } from "./image-origin.ts";

/** What the HTTP API answers: it validates and documents with it, the CLI and the page are typed by it. */

export const jobKinds = ["release", "rollback", "policy", "sync", "restart"] as const;
export const jobPhases = [
  "queued",
  "waiting",
  "writing",
  "rolling-out",
  "succeeded",
  "failed",
  "rolled-back",
  "cancelled",
  "superseded",
] as const;
export const stepOutcomes = ["ok", "failed", "skipped"] as const;
const instant = z.iso.datetime({ offset: true });
/** Names, each once in a request. */

export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    hint: z.string().optional(),
    requestId: z.string().optional(),
    facts: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Problem" });

export const containerResult = z
  .strictObject({
    workload: z.string().meta({ description: "namespace:kind/name" }),
    container: z.string(),
    policy: z.string().optional().meta({
      description: "The annotation that `from` and `to` are values of; then there is no container.",
    }),
    from: z.string(),
    to: z.string().nullable(),
    result: z.enum(["change", "skip", "changed", "failed"]),
    reason: z
      .string()
      .nullable()
      .meta({ description: "Word from the closed list; null when it was simply done." }),
    detail: z.string().nullable(),
    file: z.string().nullable(),
  })
  .meta({ id: "ContainerResult" });

export const step = z
  .strictObject({
    number: z.int(),
    text: z.string(),
    startedAt: instant,
    endedAt: instant.nullable(),
    outcome: z.enum(stepOutcomes).nullable(),
    detail: z.string().nullable(),
  })
  .meta({ id: "Step" });

export const steps = z
  .strictObject({
    steps: z.array(step),
    next: z
      .int()
      .meta({ description: "Give it back as `after`: only what came or changed since is answered." }),
  })
  .meta({ id: "Steps" });

export const jobError = z
  .strictObject({
    code: z.string(),
    title: z.string(),
    detail: z.string().nullable(),
    hint: z.string().nullable(),
  })
  .meta({ id: "JobError" });

export const job = z
  .strictObject({
    id: z.string(),
    kind: z.enum(jobKinds),
    environment: z.string(),
    phase: z.enum(jobPhases),
    waitingFor: z.string().nullable().meta({ description: "What a queued or waiting job waits for." }),
    gate: z.enum(gates).nullable().meta({ description: "The gate at which a waiting job stands." }),
    waitingUntil: instant
      .nullable()
      .meta({ description: "When the gate opens by itself; the deadline of an approval." }),
    approvals: z.array(approval),
    planHash: z.string().nullable().meta({ description: "Of what it changes; approvals name it." }),
    overrides: z.array(z.string()).meta({ description: "Rights that its request named." }),
    outcome: z.string().nullable().meta({
      description:
        "Null until the end; else the phase or a finer word: nothing-to-do, committed (succeeded); rejected, not-approved, not-merged, worker-crashed, outcome-unknown, landed-late (failed); branch-rewritten (superseded). outcome-unknown alone may still change, to landed-late.",
    }),
    headline: z.string(),
    requestedBy: z.string(),
    message: z.string().nullable(),
    labels: z
      .record(z.string(), z.string())
      .meta({ description: "What the requester marked it with, such as the address of the build." }),
    sourceSha: z
      .string()
      .nullable()
      .meta({ description: "The commit of the source, as the requester gave it." }),
    requestId: z
      .string()
      .nullable()
      .meta({ description: "Of the request that made it; in the logs of every service that it reached." }),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    commit: z.string().nullable(),
    results: z.array(containerResult),
    rollback: z
      .strictObject({
        of: z.string().nullable().meta({ description: "The job that this one undoes." }),
        by: z.string().nullable().meta({ description: "The newest job that undoes this one." }),
        byCommit: z.string().nullable(),
      })
      .meta({ description: "Links between a job and its undoing." }),
    error: jobError.nullable(),
  })
  .meta({ id: "Job" });

export const jobPage = z
  .strictObject({
    jobs: z.array(job),
    next: z.string().nullable().meta({ description: "Cursor of the next page." }),
  })
  .meta({ id: "JobPage" });

export const fileDiff = z
  .strictObject({ path: z.string(), unified: z.string(), added: z.int(), removed: z.int() })
  .meta({ id: "FileDiff" });

export const plan = z
  .strictObject({
    dryRun: z.literal(true),
    environment: z.string(),
    base: z.string().meta({ description: "The commit that was planned on." }),
    headline: z.string(),
    hash: z.string(),
    results: z.array(containerResult),
    diffs: z.array(fileDiff),
  })
  .meta({ id: "Plan" });

export const age = z
  .strictObject({
    clusterMs: z.int().nullable(),
    clusterComplete: z.boolean(),
    clusterProblem: z.string().nullable(),
    gitCommit: z.string().nullable(),
    gitMs: z.int().nullable(),
    gitProblem: z.string().nullable(),
    imagesMs: z
      .int()
      .nullable()
      .meta({ description: "Since what the last scans found was read; null where no image is told." }),
  })
  .meta({ id: "Age", description: "How old the facts of this answer are." });

export const newestReasons = [
  "not-an-image",
  "no-policy",
  "not-scanned",
  "unreadable",
  "no-eligible",
  "no-runnable",
] as const;

export const newestImage = z
  .strictObject({
    tag: z.string(),
    createdAt: instant.nullable(),
    behind: z
      .int()
      .meta({ description: "Eligible images that are newer than this container's; 0: it is the newest." }),
    behindMs: z.int().nullable().meta({ description: "From its image's date to that of the newest." }),
  })
  .meta({ id: "NewestImage", description: 'What "latest" would be released to this container.' });

export const workloadContainer = z
  .strictObject({
    name: z.string(),
    image: z.string(),
    declaredImage: z.string().nullable(),
    init: z.boolean(),
    newest: newestImage.nullable(),
    newestReason: z
      .enum(newestReasons)
      .nullable()
      .meta({ description: "Why there is no newest image; null when there is one." }),
  })
  .meta({ id: "WorkloadContainer" });

export const releaseState = z
  .strictObject({
    state: z.enum(["ready", "updating", "error", "not-running", "unknown"]),
    text: z
      .string()
      .meta({ description: 'For a table, e.g. "ready", "updating 2/3", "error: ImagePullBackOff".' }),
    desired: z.int(),
    updated: z.int(),
    available: z.int(),
    reason: z.string().nullable(),
    message: z.string().nullable(),
  })
  .meta({ id: "ReleaseState" });

export const workload = z
  .strictObject({
    id: z.string().meta({ description: "namespace:kind/name" }),
    environment: z.string(),
    namespace: z.string(),
    kind: z.string(),
    name: z.string(),
    containers: z.array(workloadContainer),
    release: releaseState,
    labels: z
      .record(z.string(), z.string())
      .meta({ description: "Of the running object, at most 20; empty where nothing runs." }),
    policies: z.array(z.string()).meta({ description: "automated, locked, hold, …" }),
    automation: z
      .enum(["on", "off"])
      .optional()
      .meta({ description: "Of an automated workload: whether its environment does anything by itself." }),
    lock: z
      .strictObject({ by: z.string().nullable(), message: z.string().nullable() })
      .optional()
      .meta({ description: "Of a locked one: who, and why." }),
    holds: z
      .array(
        z.strictObject({
          container: z.string().nullable().meta({ description: "Null: a person's, of all containers." }),
          reason: z.string(),
          since: instant.nullable(),
          job: z.string().nullable(),
        }),
      )
      .optional()
      .meta({ description: "What stops automation, where anything does." }),
    policyFaults: z
      .array(z.string())
      .optional()
      .meta({ description: "What is wrong with its policies; while there is any, nothing moves by itself." }),
    declared: z
      .strictObject({
        file: z.string(),
        document: z.int(),
        line: z.int(),
        problem: z.strictObject({ message: z.string(), line: z.int().nullable() }).nullable().meta({
          description: "Why the file cannot be read now; the rest is what it declared when it could.",
        }),
      })
      .nullable(),
    owner: z.strictObject({ kind: z.enum(["none", "slipway", "flux", "argo-cd", "helm"]), name: z.string() }),
    drift: z.boolean().meta({ description: "Running differs from declared." }),
    freeze: workloadFreeze.nullable(),
  })
  .meta({ id: "Workload" });

export const workloadPage = z
  .strictObject({ workloads: z.array(workload), age, next: z.string().nullable() })
  .meta({ id: "WorkloadPage" });

/** Why "latest" leaves an image alone. */
export const ineligibleReasons = [
  "no-policy",
  "filter-invalid",
  "filtered-out",
  "not-a-version",
  "not-a-number",
  "latest-excluded",
  "no-created-time",
  "too-young",
  "age-unknown",
  "other-platform",
  "platform-unknown",
  "digest-unknown",
  "no-node",
] as const;

export const dateSources = ["config", "label", "first-seen"] as const;

export const availableImage = z
  .strictObject({
    tag: z.string(),
    digest: z.string().nullable(),
    createdAt: instant.nullable(),
    firstSeenAt: instant.nullable(),
    dateFrom: z.enum(dateSources).meta({
      description: "first-seen: it tells no usable date itself, so that `firstSeenAt` is all there is.",
    }),
    platforms: z
      .array(z.string())
      .optional()
      .meta({ description: "os/architecture[/variant]; left out in lists of many workloads." }),
    origin: imageOrigin.optional(),
    runnable: z.boolean().nullable().meta({
      description: "Whether a node of the cluster can run it; null where one of both does not tell.",
    }),
    movedAt: instant
      .nullable()
      .meta({ description: "When the tag was last seen to point at another image than before." }),
    running: z.boolean(),
    eligible: z.boolean().meta({ description: 'Whether a release of "latest" may choose it.' }),
    ineligible: z.enum(ineligibleReasons).nullable().meta({ description: "Why it may not." }),
  })
  .meta({ id: "AvailableImage" });

export const missingReasons = ["not-an-image", "not-scanned", "unreadable", "list-cut", "unread"] as const;

export const containerImages = z
  .strictObject({
    container: z.string(),
    image: z.string(),
    repository: z.string().meta({ description: "As spelled in the cluster." }),
    available: z.array(availableImage).meta({ description: "Newest first." }),
    total: z.int().meta({ description: "Of all pages." }),
    next: z.string().nullable().meta({ description: "`cursor` of the next page of this container." }),
    filter: z.string().nullable().meta({ description: "The tag filter that git has for this container." }),
    scannedAt: instant.nullable(),
    ageMs: z.int().nullable().meta({ description: "Since the last scan that was answered." }),
    missing: z
      .strictObject({ reason: z.enum(missingReasons), detail: z.string() })
      .nullable()
      .meta({ description: "Why this may not be all there is; null where it is." }),
    problem: jobError.nullable().meta({ description: "What went wrong when the registry was last asked." }),
  })
  .meta({ id: "ContainerImages" });

export const nodePlatforms = z
  .strictObject({
    platforms: z
      .array(z.string())
      .meta({ description: "os/architecture of the cluster's nodes; empty where they are not known." }),
    problem: z
      .string()
      .nullable()
      .meta({ description: "Why they are not known: then no image is left alone because of its platform." }),
  })
  .meta({ id: "NodePlatforms" });

export type NodePlatforms = z.infer<typeof nodePlatforms>;

export const workloadImages = z
  .strictObject({
    workload: z.string(),
    environment: z.string(),
    nodes: nodePlatforms,
    containers: z.array(containerImages),
  })
  .meta({ id: "WorkloadImages" });

export const imagePage = z
  .strictObject({ images: z.array(workloadImages), age, next: z.string().nullable() })
  .meta({ id: "ImagePage" });

export const historyEntry = z
  .strictObject({
    job: z.string(),
    kind: z.enum(jobKinds),
    phase: z.enum(jobPhases),
    outcome: z.string().nullable(),
    automatic: z
      .boolean()
      .meta({ description: "Nobody asked for it: automation, or an undoing after a failure." }),
    createdAt: instant,
    finishedAt: instant.nullable(),
    commit: z.string(),
    requestedBy: z.string(),
    message: z.string().nullable(),
    containers: z.array(
      z.strictObject({
        container: z.string(),
        policy: z.string().optional(),
        from: z.string(),
        to: z.string().nullable(),
      }),
    ),
    rollback: z.strictObject({ of: z.string().nullable(), by: z.string().nullable() }),
  })
  .meta({ id: "HistoryEntry" });

export const workloadHistory = z
  .strictObject({
    workload: z.string(),
    environment: z.string(),
    entries: z.array(historyEntry).meta({
      description: "What Slipway's own jobs changed in git, newest first; what others did is not known.",
    }),
    next: z.string().nullable(),
  })
  .meta({ id: "WorkloadHistory" });

export const environment = z
  .strictObject({
    name: z.string(),
    mode: z.enum(["observe", "apply", "hand-off"]),
    git: z.strictObject({ url: z.string(), branch: z.string(), paths: z.array(z.string()) }),
    age,
    freezes: z.array(freeze),
    windows: z.array(windowNow).meta({ description: "Empty: it has none, releases may always run." }),
  })
  .meta({ id: "Environment" });

export const environments = z
  .strictObject({ environments: z.array(environment) })
  .meta({ id: "Environments" });

export type Problem = z.infer<typeof problem>;
export type ContainerResult = z.infer<typeof containerResult>;
export type Step = z.infer<typeof step>;
export type Steps = z.infer<typeof steps>;
export type Job = z.infer<typeof job>;
export type JobPage = z.infer<typeof jobPage>;
export type Plan = z.infer<typeof plan>;
export type FileDiff = z.infer<typeof fileDiff>;
export type Workload = z.infer<typeof workload>;
export type WorkloadPage = z.infer<typeof workloadPage>;
export type ImagePage = z.infer<typeof imagePage>;
export type WorkloadImages = z.infer<typeof workloadImages>;
export type HistoryEntry = z.infer<typeof historyEntry>;
export type WorkloadHistory = z.infer<typeof workloadHistory>;
export type Environment = z.infer<typeof environment>;
export type Environments = z.infer<typeof environments>;
