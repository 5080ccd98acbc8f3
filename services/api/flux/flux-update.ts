import { z } from "zod";

/** `POST /v9/update-manifests`: what fluxctl sends for release, policy, lock, automate and sync. */

const text = z.string().max(2_000).default("");
const id = z.string().min(1).max(400);
const listOf = <T extends z.ZodType>(one: T, most: number) => z.array(one).max(most).nullish();

const cause = z.object({ Message: text, User: text }).prefault({});
const kind = z.enum(["execute", "plan"]);

const release = z.object({
  ServiceSpecs: z.array(id).min(1).max(1_000),
  ImageSpec: z.string().min(1).max(500),
  Kind: kind,
  Excludes: listOf(id, 1_000),
  Force: z.boolean().default(false),
});

const containerUpdate = z.object({
  Container: z.string().max(253),
  Current: z.string().max(500).default(""),
  Target: z.string().max(500),
});

const containers = z.object({
  Kind: kind,
  ContainerSpecs: z.record(id, z.array(containerUpdate).max(100)),
  SkipMismatches: z.boolean().default(false),
  Force: z.boolean().default(false),
});

const policyChange = z.object({
  add: z.record(z.string().max(300), z.string().max(2_000)).nullish(),
  remove: z.record(z.string().max(300), z.string().max(2_000)).nullish(),
});

const sync = z.object({}).nullish();

/** Unknown members are ignored, as fluxd does: another client may send more. */
export const fluxUpdate = z.discriminatedUnion("type", [
  z.object({ type: z.literal("image"), cause, spec: release }),
  z.object({ type: z.literal("containers"), cause, spec: containers }),
  z.object({ type: z.literal("policy"), cause, spec: z.record(id, policyChange) }),
  z.object({ type: z.literal("sync"), cause, spec: sync }),
  z.object({ type: z.literal("auto"), cause, spec: z.unknown() }),
]);

export type FluxUpdate = z.infer<typeof fluxUpdate>;
export type FluxRelease = z.infer<typeof release>;
export type FluxContainers = z.infer<typeof containers>;
export type FluxPolicies = Readonly<Record<string, z.infer<typeof policyChange>>>;
export type FluxCause = z.infer<typeof cause>;
