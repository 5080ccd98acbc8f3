import { runGit } from "./git-command.ts";
import type { Repositories } from "./repositories.ts";

export interface BigRepository {
  readonly files: number;
  /** The first one adds every file, each later one changes one. */
  readonly commits: number;
}

const mostFiles = 20_000;
const mostCommits = 100_000;
const startedAt = 1_600_000_000;

/** The path of a file of the big repository, from 0. */
export function bigFile(index: number): string {
  return `deploy/team-${Math.floor(index / 50)}/app-${index}.yaml`;
}

/** A long-lived config repository on `main`, made in one import: seconds, not hours. */
export async function createBigRepository(
  repositories: Repositories,
  name: string,
  { files, commits }: BigRepository,
): Promise<void> {
  if (files > mostFiles || commits > mostCommits) throw new RangeError("larger than a bench needs");
  await repositories.create(name, {
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "http.receivepack": "true",
    "gc.auto": "0",
  });
  const parts = ["feature done\n", ...commitOf(0, "First")];
  for (let file = 0; file < files; file += 1) parts.push(change(file, 0));
  for (let commit = 1; commit < commits; commit += 1) {
    // A prime step spreads the changes over all files.
    parts.push(...commitOf(commit, `Release ${commit}`), change((commit * 7919) % files, commit));
  }
  parts.push("done\n");
  await runGit(["fast-import", "--quiet", "--done"], {
    cwd: repositories.folderOf(name),
    input: parts.join(""),
  });
}

function commitOf(index: number, message: string): string[] {
  const stamp = `A Person <person@example.com> ${startedAt + index * 60} +0000`;
  return [`commit refs/heads/main\ncommitter ${stamp}\ndata ${message.length}\n${message}\n`];
}

function change(file: number, version: number): string {
  const text = [
    "apiVersion: apps/v1",
    "kind: Deployment",
    "metadata:",
    `  name: app-${file}`,
    `  namespace: team-${Math.floor(file / 50)}`,
    "spec:",
    "  template:",
    "    spec:",
    "      containers:",
    "        - name: app",
    `          image: registry.example.com/app-${file}:1.${version}`,
    "",
  ].join("\n");
  return `M 100644 inline ${bigFile(file)}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
}
