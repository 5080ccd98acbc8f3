import { resolve } from "node:path";

import { bundleCli } from "./bundle-cli.ts";

/** `npm run build`: the command line as one file. */
const outfile = resolve(import.meta.dirname, "../dist/slipway.mjs");
const { bytes } = await bundleCli(outfile);
process.stdout.write(`dist/slipway.mjs  ${Math.round(bytes / 1024)} KiB\n`);
