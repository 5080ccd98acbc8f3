import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { runGit } from "./git-command.ts";

export interface PersonAt {
  readonly name: string;
  readonly email: string;
  /** When; now if left out. */
  readonly at?: Date;
}

/** Path → new content; `null` removes the file. */
export type FileChanges = Readonly<Record<string, string | Buffer | null>>;

export interface DirectCommit {
  readonly branch: string;
  readonly message: string;
  readonly author?: PersonAt;
}

export interface LogEntry {
  readonly sha: string;
  readonly subject: string;
  readonly body: string;
  readonly author: string;
  readonly parents: readonly string[];
  readonly date: Date;
}

/** The repositories of a git host as its operator sees them: on disk, past every protocol. */
export interface Repositories {
  readonly create: (name: string, config: Readonly<Record<string, string>>) => Promise<void>;
  /** Commits as another person would and returns the new tip. */
  readonly commit: (name: string, files: FileChanges, options: DirectCommit) => Promise<string>;
  readonly readFile: (name: string, branch: string, file: string) => Promise<Buffer>;
  readonly log: (name: string, branch: string) => Promise<LogEntry[]>;
  readonly refs: (name: string) => Promise<Map<string, string>>;
  /** Points a ref anywhere (a rewound branch); `undefined` deletes it. */
  readonly moveRef: (name: string, ref: string, sha: string | undefined) => Promise<void>;
  /** Installs a hook as a shell script; `undefined` removes it. */
  readonly setHook: (name: string, hook: string, script: string | undefined) => Promise<void>;
  readonly folderOf: (name: string) => string;
}

const commitTries = 5;
const longestLog = 5_000;
const nobody: PersonAt = { name: "Another Person", email: "person@example.com" };

/** Keeps bare repositories below one folder. */
export function createRepositories(root: string): Repositories {
  const folderOf = (name: string): string => {
    if (!/^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/i.test(name)) throw new Error(`bad name ${name}`);
    return path.join(root, `${name}.git`);
  };
  const inside = (name: string, args: readonly string[], input?: string | Buffer) =>
    runGit(args, { cwd: folderOf(name), ...(input === undefined ? {} : { input }) });
  return {
    folderOf,
    create: (name, config) => createBare(folderOf(name), config),
    commit: (name, files, options) => commitWithRetry(folderOf(name), files, options),
    readFile: (name, branch, file) => inside(name, ["cat-file", "blob", `refs/heads/${branch}:${file}`]),
    async log(name, branch) {
      const format = "--format=%H%x00%P%x00%an%x00%ct%x00%s%x00%b%x00%x01";
      const limit = `--max-count=${longestLog}`;
      const text = await inside(name, ["log", "--no-color", limit, format, `refs/heads/${branch}`, "--"]);
      return parseLog(text.toString());
    },
    async refs(name) {
      const text = (await inside(name, ["for-each-ref", "--format=%(objectname) %(refname)"])).toString();
      const rows = text.split("\n").filter((line) => line !== "");
      return new Map(rows.map((line) => [line.slice(41), line.slice(0, 40)]));
    },
    async moveRef(name, ref, sha) {
      await inside(name, sha === undefined ? ["update-ref", "-d", ref] : ["update-ref", ref, sha]);
    },
    async setHook(name, hook, script) {
      const file = path.join(folderOf(name), "hooks", hook);
      await mkdir(path.dirname(file), { recursive: true });
      if (script === undefined) return rm(file, { force: true });
      await writeFile(file, `#!/bin/sh\n${script}\n`);
      await chmod(file, 0o755);
    },
  };
}

async function createBare(folder: string, config: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  await runGit(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", folder]);
  for (const [key, value] of Object.entries(config)) {
    await runGit(["config", key, value], { cwd: folder });
  }
}

/** A push may move the branch between the look and the write; then the commit is made again on top. */
async function commitWithRetry(folder: string, files: FileChanges, options: DirectCommit): Promise<string> {
  const ref = `refs/heads/${options.branch}`;
  let failure: unknown;
  for (let round = 1; round <= commitTries; round += 1) {
    const found = await runGit(["for-each-ref", "--format=%(objectname)", ref], { cwd: folder });
    const parent = found.toString().trim();
    try {
      const stream = importStream(ref, parent, { files, options });
      await runGit(["fast-import", "--quiet", "--done"], { cwd: folder, input: stream });
      return (await runGit(["rev-parse", "--verify", ref], { cwd: folder })).toString().trim();
    } catch (cause) {
      failure = cause;
    }
  }
  throw new Error(`could not commit to ${ref}`, { cause: failure });
}

function importStream(
  ref: string,
  parent: string,
  { files, options }: { files: FileChanges; options: DirectCommit },
): Buffer {
  const who = options.author ?? nobody;
  const stamp = `${who.name} <${who.email}> ${Math.floor((who.at ?? new Date()).getTime() / 1000)} +0000`;
  const parts: (string | Buffer)[] = [
    "feature done\n",
    `commit ${ref}\nauthor ${stamp}\ncommitter ${stamp}\n`,
  ];
  const message = Buffer.from(options.message);
  parts.push(`data ${message.length}\n`, message, "\n");
  if (parent !== "") parts.push(`from ${parent}\n`);
  for (const [file, content] of Object.entries(files)) {
    const quoted = JSON.stringify(file);
    if (content === null) {
      parts.push(`D ${quoted}\n`);
      continue;
    }
    const bytes = Buffer.from(content);
    parts.push(`M 100644 inline ${quoted}\ndata ${bytes.length}\n`, bytes, "\n");
  }
  parts.push("done\n");
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function parseLog(text: string): LogEntry[] {
  return text
    .split("\u0001")
    .map((record) => record.replace(/^\n/, "").split("\0"))
    .filter((fields) => fields.length >= 6)
    .map(([sha = "", parents = "", author = "", date = "0", subject = "", body = ""]) => ({
      sha,
      subject,
      body: body.trimEnd(),
      author,
      parents: parents.split(" ").filter((parent) => parent !== ""),
      date: new Date(Number(date) * 1000),
    }));
}
