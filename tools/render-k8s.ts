import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { findOnPath } from "#common/kit/redis-server.ts";
import { findKubeAssets, howToGetKubeBox } from "#support/kube-box.ts";

/**
 * `npm run generate:k8s`: what kustomize makes of k8s/overlays, as text in the command line, so that
 * `slipway install` needs neither kustomize nor this tree. A test compares it with the folder.
 */
const root = join(import.meta.dirname, "..");
const overlays = ["small", "production"];
const assets = findKubeAssets();
const kubectl = assets === undefined ? findOnPath("kubectl", process.env) : join(assets, "kubectl");
if (kubectl === undefined) throw new Error(`kubectl is missing. ${howToGetKubeBox}`);

const texts = await Promise.all(
  overlays.map(async (overlay) => {
    const args = ["kustomize", join(root, "k8s/overlays", overlay)];
    const { stdout } = await promisify(execFile)(kubectl, args, { maxBuffer: 16 * 1024 * 1024 });
    return `  ${overlay}: String.raw\`${stdout}\`,\n`;
  }),
);
const head = "/** Made by `npm run generate:k8s` from k8s/overlays; not edited by hand. */\n";
await writeFile(
  join(root, "cli/install/rendered.ts"),
  `${head}export const renderedOverlays = {\n${texts.join("")}} as const;\n`,
);
