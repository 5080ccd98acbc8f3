import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { errorsDoc } from "./errors-doc.ts";

/** Writes docs/errors.md from the catalogue; a part of `npm run generate`. */
writeFileSync(join(import.meta.dirname, "../docs/errors.md"), errorsDoc());
