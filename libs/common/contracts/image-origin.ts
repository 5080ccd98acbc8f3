import { z } from "zod";

/** What an image was built of, as its labels say. */
export const imageOrigin = z
  .strictObject({
    version: z.string().nullable(),
    revision: z.string().nullable().meta({ description: "The commit, as a rule." }),
    source: z.string().nullable().meta({ description: "Always http or https." }),
  })
  .meta({
    id: "ImageOrigin",
    description:
      "What it was built of, as its labels `org.opencontainers.image.*` say; left out in lists of many workloads.",
  });
