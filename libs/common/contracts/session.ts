import { z } from "zod";

import { roles } from "./operations.ts";

/** Signing in with a browser: a token is exchanged for a cookie that scripts cannot read. */

export const session = z
  .strictObject({
    name: z.string().meta({ description: "As it stands in jobs and commits." }),
    role: z.enum(roles),
  })
  .meta({ id: "Session" });

export type Session = z.infer<typeof session>;
