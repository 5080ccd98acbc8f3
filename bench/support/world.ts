import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createSandboxCluster, type SandboxCluster } from "#sandbox/cluster/cluster.ts";
import { createSandboxGit, type SandboxGit } from "#sandbox/git/sandbox-git.ts";
import { createSandboxRegistry, type SandboxRegistry } from "#sandbox/registry/registry.ts";
import { namespaceManifest, shopManifest, shopServices, tags } from "./shop.ts";
import type { ShopService, ShopSize } from "./shop.ts";

export const gitUser = "bench";
export const repository = "shop";
/** The same files once more, so that the peers' pushes do not get in our way, nor ours in theirs. */
export const peerRepository = "shop-of-the-peer";

/** All that Slipway works with, each on a socket: a cluster, a registry and a git host. */
export interface BenchWorld {
  readonly services: readonly ShopService[];
  readonly cluster: SandboxCluster;
  readonly registry: SandboxRegistry;
  readonly git: SandboxGit;
  readonly settingsFile: string;
  /** What the registry proves its webhooks with. */
  readonly hookSecret: string;
}

export interface WorldOptions extends ShopSize {
  readonly folder: string;
  readonly gitToken: string;
  cleanUp(act: () => Promise<void>): void;
}

/** Starts and fills the three. */
export async function startBenchWorld(options: WorldOptions): Promise<BenchWorld> {
  const gitFolder = join(options.folder, "git-host");
  await mkdir(gitFolder, { recursive: true });
  const cluster = createSandboxCluster();
  const registry = createSandboxRegistry();
  const git = createSandboxGit({ folder: gitFolder, username: gitUser, token: options.gitToken });
  for (const part of [cluster, registry, git]) {
    options.cleanUp(() => part.stop());
    await part.start();
  }
  const services = shopServices(options);
  await fill({ services, cluster, registry, git });
  const hookSecret = randomBytes(24).toString("base64url");
  const settingsFile = await writeSettings(options, { cluster, registry, git, hookSecret });
  return { services, cluster, registry, git, settingsFile, hookSecret };
}

async function fill({
  services,
  cluster,
  registry,
  git,
}: Pick<BenchWorld, "services" | "cluster" | "registry" | "git">): Promise<void> {
  for (const image of new Set(services.map((service) => service.image))) {
    for (const tag of tags) {
      const createdAt = new Date(tag === tags[0] ? "2026-01-01T00:00:00Z" : "2026-02-01T00:00:00Z");
      registry.addImage(image, tag, { createdAt, digestSeed: image });
    }
  }
  await cluster.applyManifests(namespaceManifest);
  for (const service of services) await cluster.applyManifests(shopManifest(service));
  const files = Object.fromEntries(services.map((service) => [service.path, shopManifest(service)]));
  const first = { branch: "main", message: "The shop as it runs" };
  for (const name of [repository, peerRepository]) await git.createRepository(name, files, first);
}

async function writeSettings(
  { folder, gitToken }: WorldOptions,
  { cluster, registry, git, hookSecret }: Pick<BenchWorld, "cluster" | "registry" | "git" | "hookSecret">,
): Promise<string> {
  const kubeconfig = join(folder, "kubeconfig");
  const tokenFile = join(folder, "git-token");
  const hookFile = join(folder, "hook-secret");
  const settingsFile = join(folder, "slipway.yaml");
  await writeFile(kubeconfig, cluster.kubeconfigYaml, { mode: 0o600 });
  await writeFile(tokenFile, gitToken, { mode: 0o600 });
  await writeFile(hookFile, hookSecret, { mode: 0o600 });
  const lines = [
    "installation: bench",
    "environments:",
    "  - name: default",
    `    cluster: { kubeconfig: ${kubeconfig} }`,
    "    git:",
    `      url: ${git.repositoryUrl(repository)}`,
    "      branch: main",
    "      paths: [deploy]",
    `      username: ${gitUser}`,
    `      tokenFile: ${tokenFile}`,
    "      allowHttp: true",
    "    mode: apply",
    "registries:",
    `  - { host: docker.io, endpoint: "${registry.url}", requestsPerSecond: 10000, webhook: { secretFile: ${hookFile} } }`,
    // One scan before we measure, none while we do.
    "scanInterval: 12h",
    "",
  ];
  await writeFile(settingsFile, lines.join("\n"));
  return settingsFile;
}
