import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { ImageSpec } from "#sandbox/registry/image.ts";

/** A shop as somebody committed it, and what the test releases of it. */
export interface Shop {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly folder: string;
  /** The file with all workloads. */
  readonly file: string;
  readonly registryHosts: readonly string[];
  readonly images: ReadonlyMap<string, ImageSpec>;
  readonly workloads: number;
  readonly exact: Choice;
  readonly latest: Choice;
}

export interface Choice {
  readonly workload: string;
  readonly container: string;
  /** As the manifest spells it, without the tag. */
  readonly image: string;
  readonly fromTag: string;
  readonly toTag: string;
  /** Lines of the file that may change: the image, and a label that repeats its tag. */
  readonly lines: number;
}

const folder = "release";
const file = `${folder}/kubernetes-manifests.yaml`;
const fixture = join(import.meta.dirname, "../fixtures/boutique");

/** Our own shop, and with SLIPWAY_INPUTS the one that other people wrote. */
export function shops(): readonly Shop[] {
  const inputs = process.env["SLIPWAY_INPUTS"];
  return inputs === undefined || inputs === "" ? [ownShop()] : [ownShop(), onlineBoutique(inputs)];
}

function ownShop(): Shop {
  const common = { container: "server", fromTag: "v0.10.2" };
  return shopOf({
    name: "our own boutique",
    files: readFiles(fixture),
    exact: {
      ...common,
      workload: "boutique/checkout",
      image: "registry.boutique.example/shop/checkout",
      toTag: "v0.10.3",
      lines: 2,
    },
    latest: {
      ...common,
      workload: "boutique/frontend",
      image: "registry.boutique.example/shop/frontend",
      toTag: "v0.11.0",
      lines: 1,
    },
  });
}

function onlineBoutique(inputs: string): Shop {
  const source = join(inputs, "online-boutique/release");
  if (!existsSync(source)) throw new Error(`SLIPWAY_INPUTS holds no online-boutique/release`);
  const files = readFiles(source);
  const found = /image: (\S+)\/frontend:(\S+)/.exec(files[file] ?? "");
  const [, prefix = "", fromTag = ""] = found ?? [];
  const common = { container: "server", fromTag, lines: 1 };
  return shopOf({
    name: "the online boutique of other people",
    files,
    exact: { ...common, workload: "boutique/adservice", image: `${prefix}/adservice`, toTag: "v0.10.7" },
    latest: { ...common, workload: "boutique/frontend", image: `${prefix}/frontend`, toTag: "v0.11.0" },
  });
}

function readFiles(source: string): Record<string, string> {
  const names = readdirSync(source).filter((name) => name.endsWith(".yaml"));
  return Object.fromEntries(
    names.map((name) => [`${folder}/${name}`, readFileSync(join(source, name), "utf8")]),
  );
}

function shopOf(shop: Pick<Shop, "name" | "files" | "exact" | "latest">): Shop {
  const text = shop.files[file] ?? "";
  // Read as a person reads it, not by the code under test.
  const used = [...text.matchAll(/^ +image: *["']?([^\s"'#]+)/gm)].map((match) => splitImage(match[1] ?? ""));
  return {
    ...shop,
    folder,
    file,
    registryHosts: [...new Set(used.map((image) => image.host))],
    images: new Map(used.flatMap(({ path, tag }) => historyOf(path, tag))),
    workloads: text.match(/^kind: (Deployment|StatefulSet)$/gm)?.length ?? 0,
  };
}

function splitImage(image: string): { host: string; path: string; tag: string } {
  const [name = "", tag = "latest"] = image.replace(/@.*/, "").split(/:(?=[^/]*$)/);
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && first.includes(".")) return { host: first, path: rest.join("/"), tag };
  return { host: "docker.io", path: rest.length === 0 ? `library/${name}` : name, tag };
}

/** The newest by date is neither the last by name nor the first pushed. */
function historyOf(path: string, tag: string): [string, ImageSpec][] {
  const dates = {
    "v0.11.0": "2026-03-02T09:00:00Z",
    "v0.9.9": "2026-02-20T09:00:00Z",
    "v0.10.3": "2026-02-01T09:00:00Z",
    "v0.10.7": "2026-02-11T09:00:00Z",
    [tag]: "2026-01-05T09:00:00Z",
  };
  return Object.entries(dates).map(([name, date]) => [
    `${path}:${name}`,
    { createdAt: new Date(date), digestSeed: `${path} ${name}` },
  ]);
}
