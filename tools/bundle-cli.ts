import { chmod } from "node:fs/promises";

import { build } from "esbuild";
import type { Plugin } from "esbuild";

/** Bundles the command line into one file that runs on Node 20 and later with nothing beside it; its size. */
export async function bundleCli(outfile: string): Promise<number> {
  const root = new URL("..", import.meta.url).pathname;
  const result = await build({
    absWorkingDir: root,
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
    plugins: [englishAlone],
    metafile: true,
  });
  await chmod(outfile, 0o755);
  const [file] = Object.values(result.metafile.outputs);
  return file?.bytes ?? 0;
}

/** zod brings its messages in fifty languages, which are half of the bundle; ours are English. */
const englishAlone: Plugin = {
  name: "english-alone",
  setup(build) {
    build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
      loader: "js",
    }));
  },
};
