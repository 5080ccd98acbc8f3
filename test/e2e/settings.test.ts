import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

const threeMistakes = `
installation: shop
environments:
  - name: Not A Label
    cluster: { kubeconfig: kubeconfig }
    git: { url: "https://git.example.com/shop/config", brunch: main }
    mode: applied
`;

test.each(["api", "cluster-watcher", "registry-scanner", "release-worker"])(
  "%s does not start with a settings file of three mistakes, and names all three",
  async (service) => {
    const folder = await mkdtemp(join(tmpdir(), "slipway-settings-"));
    try {
      const file = join(folder, "slipway.yaml");
      await writeFile(file, threeMistakes);
      const main = join(import.meta.dirname, "../../services", service, "main.ts");
      const child = spawn(process.execPath, [main], {
        env: {
          PATH: process.env["PATH"],
          SLIPWAY_CONFIG: file,
          DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
        },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 30_000,
      });
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      const said = (await Promise.all([text(child.stdout), text(child.stderr)])).join("");
      expect(await ended).not.toBe(0);
      expect(await ended).not.toBeNull();
      for (const named of ["environments[0].name", "environments[0].git.brunch", "environments[0].mode"]) {
        expect(said).toContain(named);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
