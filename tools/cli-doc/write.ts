import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { wholeProgram } from "./whole-program.ts";
import { cliDoc } from "./render.ts";

/** `npm run generate`: docs/cli.md, from the program's own help. */
await writeFile(join(import.meta.dirname, "../../docs/cli.md"), cliDoc(await wholeProgram()));
