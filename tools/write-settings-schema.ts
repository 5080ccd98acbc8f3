import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { settingsSchemaText } from "#common/contracts/settings-schema.ts";

/** Writes docs/slipway.schema.json from the settings' own schemas; a part of `npm run generate`. */
writeFileSync(join(import.meta.dirname, "../docs/slipway.schema.json"), settingsSchemaText());
