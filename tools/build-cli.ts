import { chmod } from "node:fs/promises";

import { build } from "esbuild";

/** Bundles the command line into one file that runs on Node 20 and later with nothing beside it. */
const outfile = "dist/slipway.mjs";
const result = await build({
  entryPoints: ["cli/main.ts"],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "eof",
  banner: {
    // Some CommonJS packages in the bundle still call require for Node's own modules.
    js: '#!/usr/bin/env node\nimport { createRequire as slipwayCreateRequire } from "node:module";\nconst require = slipwayCreateRequire(import.meta.url);',
  },
  metafile: true,
});
await chmod(outfile, 0o755);
const [file] = Object.values(result.metafile.outputs);
process.stdout.write(`${outfile}  ${Math.round((file?.bytes ?? 0) / 1024)} KiB\n`);
