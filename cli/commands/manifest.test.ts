import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { runCli } from "../program.ts";
import { createFakeIo, runSlipway } from "../testing/run.ts";

const web = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    fluxcd.io/automated: 'true'
    fluxcd.io/tag.app: glob:1.*
spec:
  template:
    spec:
      containers:
        - name: app
          image: nginx:1.26 # the app
`;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-manifest-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function slipway(args: readonly string[], stdin: string | Uint8Array = "") {
  const io = createFakeIo(args, { cwd: folder, stdin });
  const code = await runCli(io);
  return { code, out: io.outLines.join(""), lines: io.outLines, err: io.errLines.join("\n") };
}

describe("manifest list", () => {
  test("prints every image with its place and policies", async () => {
    await writeFile(join(folder, "web.yaml"), web);
    const { code, out } = await slipway(["manifest", "list", ".", "-o", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([
      {
        workload: "default:deployment/web",
        container: "app",
        image: "nginx:1.26",
        file: "web.yaml",
        document: 1,
        line: 13,
        editable: true,
        policies: { automated: "true", "tag.app": "glob:1.*" },
      },
    ]);
    const table = await slipway(["manifest", "list", "web.yaml"]);
    expect(table.lines).toEqual([
      "WORKLOAD                CONTAINER  IMAGE       FILE         POLICY",
      "default:deployment/web  app        nginx:1.26  web.yaml:13  automated,tag.app=glob:1.*",
    ]);
  });
  test("tells what it could not read on stderr, and lists the rest", async () => {
    await writeFile(join(folder, "a.yaml"), 'a: "open\n');
    await writeFile(join(folder, "b.yml"), Buffer.from([0x61, 0x3a, 0x20, 0xff]));
    await writeFile(join(folder, "c.yaml"), "");
    await truncate(join(folder, "c.yaml"), 100 * 1024 * 1024);
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "sub", "web.json"), JSON.stringify({ kind: "List", items: [] }));
    await writeFile(join(folder, "web.yaml"), web);
    const { code, lines, err } = await slipway(["manifest", "list", ".", "-o", "name"]);
    expect({ code, lines }).toEqual({ code: 0, lines: ["default:deployment/web"] });
    expect(err.split("\n")).toEqual([
      expect.stringMatching(/^a\.yaml:1: /),
      "b.yml: not UTF-8: not read",
      "c.yaml: larger than 64 MiB: not read",
    ]);
  });
  test("follows no link and enters no other repository", async () => {
    await writeFile(join(folder, "web.yaml"), web);
    await symlink(join(folder, "web.yaml"), join(folder, "link.yaml"));
    await mkdir(join(folder, "module"));
    await writeFile(join(folder, "module", ".git"), "gitdir: ../x\n");
    await writeFile(join(folder, "module", "web.yaml"), web);
    const { lines } = await slipway(["manifest", "list", ".", "--no-headers"]);
    expect(lines).toHaveLength(1);
  });
  test("says which path is not there", async () => {
    expect(await slipway(["manifest", "list", "absent"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("There is no absent"),
    });
  });
});

test("manifest list follows kustomizations: the image where it is decided, the namespace it gets", async () => {
  await mkdir(join(folder, "base"));
  await mkdir(join(folder, "prod"));
  await writeFile(join(folder, "base", "web.yaml"), web);
  await writeFile(join(folder, "base", "kustomization.yaml"), "resources: [web.yaml]\n");
  const overlay =
    "namespace: prod\nresources: [../base, gone.yaml]\nimages:\n- name: nginx\n  newTag: '1.27'\n";
  await writeFile(join(folder, "prod", "kustomization.yaml"), overlay);
  const { out, err } = await slipway(["manifest", "list", ".", "-o", "json"]);
  expect(JSON.parse(out)).toMatchObject([
    {
      workload: "prod:deployment/web",
      image: "nginx:1.27",
      file: "prod/kustomization.yaml",
      declaredIn: "base/web.yaml",
      document: 1,
      line: 5,
    },
  ]);
  expect(err).toBe("prod/kustomization.yaml: gone.yaml is not there");
});

describe("manifest set-image", () => {
  const set = ["manifest", "set-image", "--workload", "default:deployment/web", "--container", "app"];
  test("changes the image and no other byte", async () => {
    const { code, out, err } = await slipway([...set, "--image", "nginx:1.27"], web);
    expect({ code, out, err }).toEqual({ code: 0, out: web.replace("nginx:1.26", "nginx:1.27"), err: "" });
  });
  test("takes a workload without its kind, and a namespace the file leaves open", async () => {
    const args = ["manifest", "set-image", "--workload", "shop/web", "--container", "app"];
    const { out } = await slipway([...args, "--image", "nginx:1.27"], web);
    expect(out).toBe(web.replace("nginx:1.26", "nginx:1.27"));
  });
  test.each([
    ["a container that is not there", ["--container", "other", "--image", "b:1"], web, "not-found"],
    ["what is no image", ["--image", "b:1, x"], web, "invalid-image"],
    [
      "what cannot be edited safely",
      ["--image", "b:1"],
      web.replace("nginx", "&x nginx") + "x: *x\n",
      "shared-anchor",
    ],
    ["an encrypted document", ["--image", "b:1"], `${web}sops: {}\n`, "encrypted"],
    ["bytes that are no text", ["--image", "b:1"], Buffer.from([0xff]), "not-utf-8"],
  ])("refuses %s: exit 1, the reason on stderr, nothing on stdout", async (...[, args, stdin, reason]) => {
    const { code, out, err } = await slipway([...set, ...args], stdin);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(reason);
  });
  test("keeps every byte of the true process's streams", async () => {
    const text = `\uFEFF${web.trimEnd().replaceAll("\n", "\r\n")}`;
    const ran = await runSlipway([...set, "--image", "nginx:1.27"], { stdin: text });
    expect(ran).toEqual({ code: 0, out: text.replace("nginx:1.26", "nginx:1.27"), err: "" });
  });
});

describe("manifest set-policy", () => {
  const set = ["manifest", "set-policy", "--workload", "default:deployment/web"];
  test("writes, changes and takes away", async () => {
    const changes = ["automated-", "locked=true", "tag.app=semver:>=1.0 <2"];
    const { code, out } = await slipway([...set, ...changes], web);
    expect(code).toBe(0);
    expect(out).toBe(
      web
        .replace("    fluxcd.io/automated: 'true'\n", "")
        .replace("glob:1.*\n", "'semver:>=1.0 <2'\n    fluxcd.io/locked: 'true'\n"),
    );
  });
  test("writes a new key under the prefix asked for", async () => {
    const { out } = await slipway([...set, "--prefix", "slipway.dev", "hold=broken"], web);
    expect(out).toContain("    slipway.dev/hold: broken\n");
  });
  test.each([
    [1, ["automated=maybe"]],
    [1, ["colour=red"]],
    [2, ["locked"]],
    [2, ["locked=true", "locked-"]],
    [2, ["--prefix", "example.com", "locked=true"]],
  ])("exits %i for %j with nothing on stdout", async (code, changes) => {
    expect(await slipway([...set, ...changes], web)).toMatchObject({ code, out: "" });
  });
});

describe("lint", () => {
  test("is silent on stdout and exits 0 where nothing is wrong", async () => {
    await writeFile(join(folder, "web.yaml"), web);
    expect(await slipway(["lint", "."])).toMatchObject({ code: 0, out: "", err: "1 files, 0 findings" });
  });
  test("tells each flaw with file and line", async () => {
    await writeFile(join(folder, "broken.yaml"), "a: 1\n b: [\n");
    await writeFile(join(folder, "web.yaml"), web);
    const other = web
      .replace("'true'", "yes")
      .replace("glob:1.*", "regexp:(")
      .replace("nginx:1.26", "|-\n            b");
    await writeFile(join(folder, "z.yaml"), other);
    const { code, lines } = await slipway(["lint", "."]);
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/^broken\.yaml:1: .* \(broken\)$/),
      "web.yaml:1: default:deployment/web is declared here and in z.yaml:1 (duplicate)",
      "z.yaml:1: default:deployment/web is declared here and in web.yaml:1 (duplicate)",
      "z.yaml:6: fluxcd.io/automated is no text, so Kubernetes refuses it: put it in quotes (policy)",
      expect.stringMatching(/^z\.yaml:7: fluxcd\.io\/tag\.app: .* \(policy\)$/),
      "z.yaml:13: the image of app in default:deployment/web cannot be edited: block-scalar (not-editable)",
    ]);
    const { out } = await slipway(["lint", ".", "-o", "json"]);
    expect(JSON.parse(out)).toHaveLength(6);
  });
  test("tells what a server would not read for its size, which lists show all the same", async () => {
    await writeFile(join(folder, "web.yaml"), `${web}# ${"x".repeat(1024 * 1024)}\n`);
    expect(await slipway(["lint", "."])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^web\.yaml: larger than 1 MiB: .* \(too-large\)$/m),
    });
    expect(await slipway(["manifest", "list", "."])).toMatchObject({ code: 0, err: "" });
  });
});
