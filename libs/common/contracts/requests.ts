import { z } from "zod";

/** What can be asked for: bodies that the API validates, and that the CLI and the page are typed by. */

const workloadText = z.string().min(1).max(400);
const workloadTexts = z
  .array(workloadText)
  .min(1)
  .max(1000)
  .meta({ description: "namespace/name or namespace:kind/name." });

const imageText = z.string().min(1).max(500);

const environmentName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a lower-case DNS label");
export const overrides = [
  "lock",
  "filter",
  "downgrade",
  "freeze",
  "window",
  "conflict",
  "changed-since",
] as const;

export const imageSelects = ["latest", "previous", "running"] as const;

export const imageSelection = z.union([
  z.literal("latest").meta({ description: 'Short for {"select":"latest"}.' }),
  z.array(imageText).min(1).max(100).meta({ description: 'Short for {"exact":[…]}.' }),
  z.strictObject({ select: z.enum(imageSelects) }).meta({
    description:
      "latest: the newest eligible image. previous: what ran before the last release. running: what the cluster runs now, to be written to git.",
  }),
  z.strictObject({ exact: z.array(imageText).min(1).max(100) }),
  z
    .strictObject({
      containers: z
        .array(
          z.strictObject({
            workload: workloadText,
            container: z.string().min(1).max(253),
            image: imageText,
            from: imageText.optional().meta({ description: "The image that git must still declare." }),
          }),
        )
        .min(1)
        .max(1000),
      skipChanged: z
        .boolean()
        .default(false)
        .meta({ description: "Leaves alone what is no longer `from`, instead of failing." }),
    })
    .meta({ description: "An image for each container; the workloads are those of the containers." }),
]);

const longestImageWaitSeconds = 3_600;

function isExact(images: z.infer<typeof imageSelection>): boolean {
  return Array.isArray(images) || (typeof images === "object" && "exact" in images);
}

function namesContainers(images: z.infer<typeof imageSelection>): boolean {
  return typeof images === "object" && "containers" in images;
}

export const releaseRequest = z
  .strictObject({
    environment: environmentName.optional().meta({ description: "May be left out when only one exists." }),
    workloads: z
      .array(workloadText)
      .min(1)
      .max(1000)
      .optional()
      .meta({ description: "namespace/name or namespace:kind/name." }),
    all: z.literal(true).optional().meta({ description: "Every workload that is declared and runs." }),
    exclude: z.array(workloadText).max(1000).default([]),
    images: imageSelection,
    message: z.string().max(2000).optional().meta({ description: "Why; becomes part of the commit." }),
    dryRun: z
      .boolean()
      .default(false)
      .meta({ description: "Answers plan and diff; nothing is stored or written." }),
    override: z.array(z.enum(overrides)).max(overrides.length).default([]),
    waitForImageSeconds: z.int().min(1).max(longestImageWaitSeconds).optional().meta({
      description: "How long the job waits for images that are named but not pushed yet; a dry run does not.",
    }),
  })
  .refine(({ waitForImageSeconds, images }) => waitForImageSeconds === undefined || isExact(images), {
    message: "only images that are named can be waited for",
    path: ["waitForImageSeconds"],
  })
  .refine(
    (body) =>
      namesContainers(body.images)
        ? body.workloads === undefined && body.all === undefined
        : (body.workloads === undefined) !== (body.all === undefined),
    {
      message: 'give either "workloads" or "all": true, and neither where images are given by container',
      path: ["workloads"],
    },
  )
  .meta({ id: "ReleaseRequest" });

export const rollbackRequest = z
  .strictObject({
    message: z.string().max(2000).optional(),
    override: z.array(z.enum(overrides)).max(overrides.length).default([]),
  })
  .meta({ id: "RollbackRequest" });

export const syncRequest = z
  .strictObject({
    environment: environmentName.optional().meta({ description: "May be left out when only one exists." }),
    workloads: workloadTexts.optional(),
    namespace: z.string().min(1).max(63).optional().meta({ description: "All that git declares in it." }),
    all: z.literal(true).optional().meta({ description: "All that git declares." }),
    message: z.string().max(2000).optional().meta({ description: "Why." }),
  })
  .refine(
    ({ workloads, namespace, all }) =>
      [workloads, namespace, all].filter((one) => one !== undefined).length === 1,
    { message: 'give exactly one of "workloads", "namespace" and "all": true', path: ["workloads"] },
  )
  .meta({ id: "SyncRequest" });

export const restartRequest = z
  .strictObject({
    environment: environmentName.optional().meta({ description: "May be left out when only one exists." }),
    workloads: workloadTexts,
    message: z.string().max(2000).optional().meta({ description: "Why." }),
  })
  .meta({ id: "RestartRequest" });

export const endRequest = z
  .strictObject({ message: z.string().max(2000).optional().meta({ description: "Why; kept in its log." }) })
  .meta({ id: "EndRequest" });

export type ReleaseRequest = z.infer<typeof releaseRequest>;
export type ReleaseRequestInput = z.input<typeof releaseRequest>;
export type RollbackRequest = z.infer<typeof rollbackRequest>;
export type SyncRequest = z.infer<typeof syncRequest>;
export type SyncRequestInput = z.input<typeof syncRequest>;
export type RestartRequest = z.infer<typeof restartRequest>;
export type RestartRequestInput = z.input<typeof restartRequest>;
export type EndRequest = z.infer<typeof endRequest>;
export type RollbackRequestInput = z.input<typeof rollbackRequest>;
