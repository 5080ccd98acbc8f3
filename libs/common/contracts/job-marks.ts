import { z } from "zod";

/** What whoever asks for a job may mark it with, so that it is found again and leads back to its build. */

const mostLabels = 16;

/** Nothing that steers a terminal, ends a line or hides what stands beside it. */
const plain = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u;

const labelKey = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/, "a lower-case name of at most 63 characters");

const labelValue = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => plain.test(text), { message: "must hold no control characters" })
  .refine((text) => text === text.trim(), { message: "must not begin or end with a space" })
  .refine(isHarmless, { message: "as an address it must begin with http:// or https://" });

/** The page and terminals make links of addresses: of these two kinds alone. */
function isHarmless(text: string): boolean {
  const [, scheme, slashes] = /^([a-z][a-z0-9+.-]*):(\/\/)?/i.exec(text) ?? [];
  if (scheme === undefined) return true;
  if (/^https?$/i.test(scheme)) return slashes !== undefined && URL.canParse(text);
  return slashes === undefined && !/^(javascript|vbscript|data|file|blob)$/i.test(scheme);
}

export const labels = z
  .record(labelKey, labelValue)
  .refine((given) => Object.keys(given).length <= mostLabels, { message: `at most ${mostLabels} labels` })
  .meta({
    description:
      "Kept on the job, found by `label=`, and written into the commit; `build` is where people look for the pipeline's page.",
    example: { build: "https://ci.example.com/shop/412" },
  });

export const sourceSha = z
  .string()
  .regex(/^[0-9a-f]{7,64}$/, "7 to 64 lower-case hex digits")
  .meta({
    description:
      "The commit of the source that the images were built from; kept on the job and in the commit.",
    example: "5f2a9c7d0b6e4f1a8c3d2e1f0a9b8c7d6e5f4a3b",
  });

/** The fields of a request for a job. */
export const jobMarks = { labels: labels.optional(), sourceSha: sourceSha.optional() } as const;

export type JobMarks = z.infer<z.ZodObject<typeof jobMarks>>;
