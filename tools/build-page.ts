import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** The page as files that the API serves: built when what it is made of is newer. */

const root = join(import.meta.dirname, "..");
const dist = join(root, "web/dist");

/** Everything that ends up in the page, or decides how. */
const sources = [
  "web",
  "cli",
  "libs/common/contracts",
  "libs/common/domain",
  "package-lock.json",
  "tools/build-page.ts",
];

/** Builds the page unless it is younger than all of its sources; whether it was built. */
export async function buildPage({ always = false }: { readonly always?: boolean } = {}): Promise<boolean> {
  if (!always && (await isFresh())) return false;
  // Loaded here, since a start that finds the page built should not wait for the builder.
  const { build } = await import("vite");
  // Beside its place, and moved there when it is whole: two starts may build at once.
  const made = join(root, `web/dist-${process.pid}`);
  await build({ configFile: join(root, "web/vite.config.ts"), logLevel: "warn", build: { outDir: made } });
  await compressAll(made);
  await rm(dist, { recursive: true, force: true, maxRetries: 3 });
  await rename(made, dist).catch(async (error: NodeJS.ErrnoException) => {
    // Another start was quicker: its page is as good.
    await rm(made, { recursive: true, force: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  return true;
}

async function isFresh(): Promise<boolean> {
  const builtMs = await changedMs(join(dist, "index.html"));
  const changes = await Promise.all(sources.map((source) => newestMs(join(root, source))));
  return builtMs > Math.max(...changes);
}

async function newestMs(path: string): Promise<number> {
  const about = await stat(path);
  if (about.isFile()) return about.mtimeMs;
  const files = await readdir(path, { recursive: true, withFileTypes: true });
  const own = files.filter(
    (file) => file.isFile() && !file.parentPath.startsWith(dist) && !file.name.endsWith(".test.ts"),
  );
  return Math.max(0, ...(await Promise.all(own.map((file) => changedMs(join(file.parentPath, file.name))))));
}

async function changedMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    // Not built yet, or removed while we looked.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

/** Once, as small as it gets, instead of at each request. */
async function compressAll(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile())) {
    const path = join(file.parentPath, file.name);
    const bytes = await readFile(path);
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
    await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, quality));
  }
}
