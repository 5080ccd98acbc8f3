import { z } from "zod";

const eventPattern = z
  .string()
  .regex(/^(\*|[a-z][a-z-]*(\.([a-z][a-z-]*|\*))?)$/, "an event such as job.failed, or job.*, or *");

/** Who is told of what happens, by a signed POST. */
export const receiverSettings = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a lower-case DNS label"),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .refine((url) => !URL.canParse(url) || (new URL(url).username === "" && new URL(url).password === ""), {
        message: "must hold no credential; receivers check the signature",
      }),
    /** What bodies are signed with; `whsec_…` is base64, anything else is taken as it is. */
    secretFile: z.string().min(1).optional(),
    secretEnv: z.string().min(1).optional(),
    events: z.array(eventPattern).min(1).max(50).default(["job.*"]),
    /** All of them unless said otherwise. */
    environments: z.array(z.string().min(1)).min(1).max(200).optional(),
    /** Where its address may be: of the internet, of a private network too, or anywhere (this machine too). */
    reach: z.enum(["public", "private", "anywhere"]).default("public"),
  })
  .refine((one) => (one.secretFile === undefined) !== (one.secretEnv === undefined), {
    message: 'give either "secretFile" or "secretEnv"',
  });

export const notificationSettings = z
  .array(receiverSettings)
  .max(20)
  .refine((all) => new Set(all.map((one) => one.name)).size === all.length, {
    message: "two receivers have one name",
  });

export type ReceiverSettings = z.infer<typeof receiverSettings>;
