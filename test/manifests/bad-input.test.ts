import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentSettings } from "#common/contracts/settings.ts";
import type { GitHost } from "#support/git-host.ts";
import { startGitHttp } from "#support/git-http.ts";
import { createGitCache, type GitCache } from "../../services/release-worker/git/git-cache.ts";
import { createTipReaderOver } from "../../services/release-worker/planning/tip-reader.ts";
import type { TipView } from "../../services/release-worker/planning/tip-view.ts";

const run = promisify(execFile);
const many = 9_980;

let host: GitHost | undefined;
let cache: GitCache | undefined;
let folder = "";
let view: TipView | undefined;

const deployment = (name: string, image = `${name}:1`): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec: {template: {spec: {containers: [{name: app, image: "${image}"}]}}}\n`;

/** Thirty levels of nine references each: a small text that describes more than the world holds. */
function aliasBomb(): string {
  const lines = ["a0: &a0 {x: 1}"];
  for (let level = 1; level <= 30; level += 1) {
    const inner = Array(9)
      .fill(`*a${level - 1}`)
      .join(", ");
    lines.push(`a${level}: &a${level} {<<: [${inner}]}`);
  }
  return `${deployment("bomb").replace("containers: [{name: app,", "containers: [{<<: *a30, name: app,")}${lines.join("\n")}\n`;
}

const odd: Readonly<Record<string, string | Buffer>> = {
  "good.yaml": deployment("good"),
  "broken.yaml": "a: [1\nb: 2\n",
  "sops.yaml": `${deployment("secret")}sops: {mac: ENC}\n`,
  "latin1.yaml": Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]),
  "bomb.yaml": aliasBomb(),
  "deep.yaml": "[".repeat(200_000),
  "huge.yaml": Buffer.alloc(100 * 1024 * 1024, "# a line of a hundred million\n"),
  "kustomization.yaml": "resources: [good.yaml, absent.yaml]\n",
};

beforeAll(async () => {
  host = await startGitHttp();
  folder = await mkdtemp(join(tmpdir(), "slipway-bad-input-"));
  const url = await host.createRepository("shop/odd", { "README.md": "# odd\n" });
  await pushOdd(url.replace("://", `://${host.username}:${host.token}@`));
  const target = { url, branch: "main", username: host.username, token: host.token, allowHttp: true };
  cache = createGitCache({ target, folder: join(folder, "cache") });
  const blobs = { known: async () => new Map(), save: async () => undefined };
  const environment = environmentSettings.parse({
    name: "default",
    mode: "apply",
    cluster: { inCluster: true },
    git: { url, paths: ["."], allowHttp: true },
  });
  view = await createTipReaderOver({ git: cache, blobs }).read(await cache.fetchTip(), environment);
});
afterAll(async () => {
  await cache?.dispose();
  await host?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function pushOdd(url: string): Promise<void> {
  const work = join(folder, "work");
  const git = (...args: string[]) =>
    run("git", ["-C", work, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
  await run("git", ["clone", "-q", url, work]);
  for (const [path, content] of Object.entries(odd)) await writeFile(join(work, path), content);
  await mkdir(join(work, "many"));
  for (let n = 0; n < many; n += 1) await writeFile(join(work, "many", `${n}.yaml`), `n: ${n}\n`);
  await symlink("good.yaml", join(work, "link.yaml"));
  await git("add", ".");
  await git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},module.yaml`);
  await git("commit", "-q", "-m", "Odd");
  await git("push", "-q", "origin", "HEAD:main");
}

const seen = (): TipView => {
  if (view === undefined) throw new Error("the tip was not read");
  return view;
};
const faultOf = (path: string): string | undefined => seen().files.get(path)?.manifest.faults[0]?.message;
const reasonOf = (name: string): string | undefined =>
  seen()
    .declared()
    .find((fact) => fact.id.name === name)?.containers[0]?.reason;

test("ten thousand files, all kinds of trouble among them, leave the good one alone", () => {
  expect(seen().files.size).toBeGreaterThan(many);
  const good = seen()
    .declared()
    .find((fact) => fact.id.name === "good");
  expect(good).toMatchObject({ path: "good.yaml", containers: [{ image: "good:1", editable: true }] });
});

test.each([
  ["broken.yaml", /./],
  ["latin1.yaml", /^not UTF-8: not read$/],
  ["huge.yaml", /^larger than 1 MiB: not read$/],
  ["deep.yaml", /^nested deeper than 128 levels$/],
  ["kustomization.yaml", /^absent\.yaml is not there$/],
])("%s has a fault of its own", (path, message) => {
  expect(faultOf(path)).toMatch(message);
});

test("an encrypted document is listed and not edited", () => {
  expect(reasonOf("secret")).toBe("ENCRYPTED_DOCUMENT");
});

test("an alias bomb does not go off, and is refused where it would", async () => {
  const target = { workload: "default:deployment/bomb", path: "bomb.yaml" };
  await expect(seen().documentOf(target)).rejects.toMatchObject({ code: "MANIFEST_BROKEN" });
});

test.each(["link.yaml", "module.yaml"])("%s is no file of the repository's own and is never read", (path) => {
  expect(seen().files.has(path)).toBe(false);
});
