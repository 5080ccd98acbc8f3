import { chmod } from "node:fs/promises";

import { build } from "esbuild";
import type { Plugin } from "esbuild";

export interface CliBundle {
  readonly bytes: number;
  /** Modules that the file asks for when it runs. */
  readonly outside: readonly string[];
}

/** Bundles the command line into one file that runs on Node 20 and later with nothing beside it. */
export async function bundleCli(outfile: string): Promise<CliBundle> {
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
  const imports = (file?.imports ?? []).filter(({ external }) => external === true);
  return { bytes: file?.bytes ?? 0, outside: [...new Set(imports.map(({ path }) => path))] };
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
