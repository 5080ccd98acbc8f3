import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isMap, isScalar, parseAllDocuments, visit } from "yaml";

/**
 * The peers' way to one release: a shallow clone with a work tree, a look into every file, the
 * documents that name the image parsed, changed and printed, one commit by git's porcelain, one push.
 */
export interface Peer {
  /** Brings an image to a tag; how long it took, and whether there was anything to do. */
  release(image: string, tag: string): Promise<{ readonly seconds: number; readonly pushed: boolean }>;
}

export interface PeerOptions {
  readonly folder: string;
  readonly url: string;
  readonly username: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

const run = promisify(execFile);
const gitTimeoutMs = 60_000;

export function createPeer(options: PeerOptions): Peer {
  const env = peerEnvironment(options);
  let clones = 0;
  return {
    async release(image, tag) {
      clones += 1;
      const clone = join(options.folder, `peer-${clones}`);
      const git = (args: readonly string[]) =>
        run("git", args, { env, signal: options.signal, timeout: gitTimeoutMs, maxBuffer: 16 * 1024 * 1024 });
      const startedMs = performance.now();
      await git(["clone", "--quiet", "--depth", "1", "--branch", "main", "--", options.url, clone]);
      const changed = await editFiles(join(clone, "deploy"), image, tag);
      if (changed > 0) {
        await git(["-C", clone, "commit", "--quiet", "--all", "--message", `Release ${image}:${tag}`]);
        await git(["-C", clone, "push", "--quiet", "origin", "HEAD:main"]);
      }
      const seconds = (performance.now() - startedMs) / 1000;
      await rm(clone, { recursive: true, force: true });
      return { seconds, pushed: changed > 0 };
    },
  };
}

/** The credential goes by header, as ours does; nothing of the machine's own settings. */
function peerEnvironment({ folder, url, username, token }: PeerOptions): NodeJS.ProcessEnv {
  const person = { name: "The Peer", email: "peer@example.com" };
  return {
    PATH: process.env["PATH"],
    HOME: folder,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: person.name,
    GIT_AUTHOR_EMAIL: person.email,
    GIT_COMMITTER_NAME: person.name,
    GIT_COMMITTER_EMAIL: person.email,
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `http.${url}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`,
  };
}

/** Every manifest is read; those that name the image are parsed. */
async function editFiles(root: string, image: string, tag: string): Promise<number> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const manifests = entries.filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name));
  let changed = 0;
  for (const entry of manifests) {
    const path = join(entry.parentPath, entry.name);
    const before = await readFile(path, "utf8");
    if (!before.includes(`${image}:`)) continue;
    const after = withImage(before, image, tag);
    if (after === undefined) continue;
    await writeFile(path, after);
    changed += 1;
  }
  return changed;
}

/** The file printed back from its parse, or undefined where the image has this tag already. */
function withImage(text: string, image: string, tag: string): string | undefined {
  const documents = parseAllDocuments(text);
  let changed = false;
  for (const document of documents) {
    visit(document, {
      Pair(_, pair, path) {
        const names = isScalar(pair.key) && pair.key.value === "image" && isMap(path.at(-1));
        if (!names || !isScalar(pair.value) || typeof pair.value.value !== "string") return;
        if (!pair.value.value.startsWith(`${image}:`) || pair.value.value === `${image}:${tag}`) return;
        pair.value.value = `${image}:${tag}`;
        changed = true;
      },
    });
  }
  return changed ? documents.map(String).join("") : undefined;
}
