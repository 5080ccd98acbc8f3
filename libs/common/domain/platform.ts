/** Where an image runs, as manifests and nodes tell it. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** Whether any of the nodes runs any of these; undefined where the image does not tell its platform. */
export function isRunnable(has: readonly string[], nodes: readonly Platform[]): boolean | undefined {
  if (has.length === 0 || nodes.length === 0) return undefined;
  return has.some((one) => nodes.some((node) => fits(parsePlatform(one), node)));
}

/** Whether an image of these platforms runs on one that is named `os/architecture[/variant]`. */
export function isRunnableOn(has: readonly string[], wanted: string): boolean {
  return has.some((one) => fits(parsePlatform(one), parsePlatform(wanted)));
}

/** Whether a node runs an image: the same system and processor, at no newer variant than the node's. */
export function fits(image: Platform, node: Platform): boolean {
  if (image.os !== node.os || architectureOf(image) !== architectureOf(node)) return false;
  const level = levelOf(image);
  const limit = levelOf(node);
  return level === undefined || limit === undefined || level <= limit;
}

// The names that uname and old tools use, beside those of the OCI documents.
const otherNames: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
  i386: "386",
};

function architectureOf({ architecture }: Platform): string {
  return otherNames[architecture] ?? architecture;
}

/** `v7` → 7. Kubernetes tells no variant of a node, and then nothing is ruled out. */
function levelOf({ variant }: Platform): number | undefined {
  const [, level] = /^v(\d{1,2})$/.exec(variant ?? "") ?? [];
  return level === undefined ? undefined : Number(level);
}

/** `os/architecture[/variant]` taken apart. */
function parsePlatform(text: string): Platform {
  const [os = "", architecture = "", variant] = text.split("/", 3);
  return { os, architecture, ...(variant !== undefined && variant !== "" && { variant }) };
}
