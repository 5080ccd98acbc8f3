import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createSandboxCluster, type SandboxCluster } from "#sandbox/cluster/cluster.ts";
import { createSandboxGit, type SandboxGit } from "#sandbox/git/sandbox-git.ts";
import { createSandboxRegistry, type SandboxRegistry } from "#sandbox/registry/registry.ts";
import { fillRegistry } from "./images.ts";

export const repository = "sock-shop";
export const branch = "main";

/** Everything outside Slipway that the story needs: a cluster, a registry and a git host, each on a socket. */
export interface DemoWorld {
  readonly cluster: SandboxCluster;
  readonly registry: SandboxRegistry;
  readonly git: SandboxGit;
  readonly settingsFile: string;
  stop(): Promise<void>;
}

export interface DemoWorldOptions {
  /** Where settings, credentials and repositories are written. */
  readonly folder: string;
  readonly gitToken: string;
  /** The name the three listen under and are called by; 127.0.0.1 by default. */
  readonly host?: string;
  /** With automation, and a namespace whose releases need consent. */
  readonly tour?: boolean;
}

/** Starts the three and fills them with the sock shop as of November 2016. */
export async function startDemoWorld(o: DemoWorldOptions): Promise<DemoWorld> {
  const at = o.host === undefined ? {} : { host: o.host };
  const cluster = createSandboxCluster({
    ...at,
    readyAfterMs: 250,
    outcome: (image) => (image.includes("broken") ? "pull-failure" : "ready"),
  });
  const registry = createSandboxRegistry(at);
  const gitFolder = join(o.folder, "git-host");
  await mkdir(gitFolder, { recursive: true });
  const git = createSandboxGit({ ...at, folder: gitFolder, username: "slipway", token: o.gitToken });
  const world = [cluster, registry, git];
  const stop = async (): Promise<void> => {
    for (const one of world.toReversed()) await one.stop();
  };
  try {
    for (const one of world) await one.start();
    fillRegistry(registry);
    const files = { ...(await readRepository()), ...(o.tour === true && tourFiles) };
    await git.createRepository(repository, files, {
      branch,
      message: "The shop as it runs",
      author: { name: "Sock Shop", email: "ops@sock-shop.example", at: new Date("2016-11-09T11:00:00Z") },
    });
    await applyAll(cluster, files);
    const settingsFile = await writeSettings({ ...o, cluster, registry, git });
    return { cluster, registry, git, settingsFile, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A second of settling instead of ten, so that nobody has to wait for the tour. */
const tourSettings = [
  "    automation: on",
  "    automationTiming: { settle: 1s }",
  "    approvals:",
  "      - { role: approver, namespaces: [till], deadline: 1h }",
];

const tourFiles = {
  "deploy/till.yaml": Buffer.from(`apiVersion: v1
kind: Namespace
metadata:
  name: till
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: receipts
  namespace: till
spec:
  selector:
    matchLabels: { app: receipts }
  template:
    metadata:
      labels: { app: receipts }
    spec:
      containers:
        - name: receipts
          image: weaveworksdemos/payment:0.3.0
`),
};

const source = join(import.meta.dirname, "repository");

async function readRepository(): Promise<Record<string, Buffer>> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const files: Record<string, Buffer> = {};
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files[path.slice(source.length + 1)] = await readFile(path);
  }
  return files;
}

/** As an operator once did by hand: the namespace first, then everything else. */
async function applyAll(cluster: SandboxCluster, files: Readonly<Record<string, Buffer>>): Promise<void> {
  const manifests = Object.keys(files).filter((path) => /\.(ya?ml|json)$/.test(path));
  const ordered = manifests.toSorted(
    (a, b) => Number(b.includes("namespace")) - Number(a.includes("namespace")),
  );
  for (const path of ordered) await cluster.applyManifests(files[path]?.toString("utf8") ?? "");
}

async function writeSettings(o: {
  folder: string;
  gitToken: string;
  cluster: SandboxCluster;
  registry: SandboxRegistry;
  git: SandboxGit;
  tour?: boolean;
}): Promise<string> {
  const kubeconfig = join(o.folder, "kubeconfig");
  const tokenFile = join(o.folder, "git-token");
  const settingsFile = join(o.folder, "slipway.yaml");
  await writeFile(kubeconfig, o.cluster.kubeconfigYaml, { mode: 0o600 });
  await writeFile(tokenFile, o.gitToken, { mode: 0o600 });
  const lines = [
    "installation: demo",
    "environments:",
    "  - name: default",
    `    cluster: { kubeconfig: ${kubeconfig} }`,
    "    git:",
    `      url: ${o.git.repositoryUrl(repository)}`,
    `      branch: ${branch}`,
    "      paths: [deploy]",
    "      username: slipway",
    `      tokenFile: ${tokenFile}`,
    "      allowHttp: true",
    "    mode: apply",
    ...(o.tour === true ? tourSettings : []),
    "registries:",
    `  - { host: docker.io, endpoint: "${o.registry.url}", requestsPerSecond: 1000 }`,
    // What people push while they try it is there soon, whatever the age of the images around it.
    "scanIntervalLongest: 30s",
    ...(o.tour === true ? ["scanInterval: 2s"] : []),
    "",
  ];
  await writeFile(settingsFile, lines.join("\n"));
  return settingsFile;
}
