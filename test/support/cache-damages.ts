import {
  appendFile,
  chmod,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import path from "node:path";

/** What can happen to a cache's folder while its worker lives. */
export const damages: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "its loose objects are corrupt": (folder) => eachFile(folder, isLoose, garble),
  "its loose objects are empty, as a power cut leaves them": (folder) => eachFile(folder, isLoose, empty),
  "its packs are corrupt": (folder) => eachFile(folder, isPack, garble),
  "its packs are cut short": (folder) => eachFile(folder, isPack, halve),
  "its pack indexes are corrupt": (folder) => eachFile(folder, (file) => file.endsWith(".idx"), garble),
  "all its objects are gone": (folder) => eachFile(folder, (file) => isPack(file) || isLoose(file), remove),
  "its branch ref is garbage": (folder) =>
    writeFile(path.join(folder, "refs/remotes/origin/main"), "garbage\n"),
  "its config is cut": (folder) => truncate(path.join(folder, "config"), 40),
  "its HEAD is gone": (folder) => rm(path.join(folder, "HEAD")),
  "its folder is gone": (folder) => rm(folder, { recursive: true }),
  "its objects folder is gone": (folder) => rm(path.join(folder, "objects"), { recursive: true }),
  "a dead process left the branch's lock": (folder) => lock(folder, "refs/remotes/origin/main.lock"),
  "a dead process left the lock of the packed refs": (folder) => lock(folder, "packed-refs.lock"),
  "a dead fetch left half a pack": async (folder) => {
    await writeFile(path.join(folder, "objects/pack/tmp_pack_Ab12"), "PACK half");
    await writeFile(path.join(folder, "objects/pack/tmp_idx_Ab12"), "");
  },
};

function isLoose(file: string): boolean {
  return /objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/.test(file);
}

function isPack(file: string): boolean {
  return file.endsWith(".pack");
}

async function eachFile(
  folder: string,
  wanted: (file: string) => boolean,
  act: (file: string) => Promise<void>,
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files.filter(wanted)) {
    await chmod(file, 0o644);
    await act(file);
  }
}

async function garble(file: string): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(
    file,
    bytes.map((byte, index) => (index > 11 && index < bytes.length - 20 ? byte ^ 0xff : byte)),
  );
}

const empty = (file: string) => truncate(file, 0);
const halve = async (file: string) => truncate(file, Math.floor((await stat(file)).size / 2));
const remove = (file: string) => rm(file);

async function lock(folder: string, name: string): Promise<void> {
  const file = path.join(folder, name);
  await appendFile(file, "");
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(file, longAgo, longAgo);
}
