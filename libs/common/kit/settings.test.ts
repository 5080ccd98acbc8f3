import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";

import { registrySettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { sameRepository } from "./settings-checks.ts";
import { findSettingsFile, loadSettings, parseSettings, readSecret } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-settings-"));
afterAll(() => rmSync(folder, { recursive: true }));

function environment(
  name: string,
  more: { url?: string; paths?: string[]; mode?: string; git?: object } = {},
) {
  const { url = "https://git.example.com/shop/config.git", paths = ["deploy"], mode = "apply", git } = more;
  return { name, cluster: { inCluster: true }, git: { url, paths, ...git }, mode };
}

function faultsOf(settings: unknown): unknown {
  try {
    parseSettings(typeof settings === "string" ? settings : JSON.stringify(settings), "/etc/slipway.yaml");
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "SETTINGS_INVALID") return error.facts?.["faults"];
    throw error;
  }
  return [];
}

function detailOf(text: string): string {
  try {
    parseSettings(text, "/etc/slipway.yaml");
  } catch (error) {
    return error instanceof SlipwayError ? (error.detail ?? "") : String(error);
  }
  return "";
}

test("reads a file, fills the defaults and makes file names absolute", async () => {
  const path = join(folder, "full.yaml");
  writeFileSync(
    path,
    `environments:
  - name: default
    cluster: { kubeconfig: ./kubeconfig, context: shop }
    git: { url: "https://git.example.com/shop/config.git", paths: [deploy], tokenFile: secrets/git }
registries:
  - { host: "registry.example.com:5000", username: bot, passwordFile: /run/secrets/registry, requestsPerSecond: 2.5 }
scanInterval: 5m
`,
  );
  const settings = await loadSettings(path);
  expect(settings.environments[0]).toMatchObject({
    mode: "observe",
    cluster: { kubeconfig: join(folder, "kubeconfig") },
    git: { branch: "main", tokenFile: join(folder, "secrets/git") },
  });
  expect(settings.registries[0]?.passwordFile).toBe("/run/secrets/registry");
  expect(settings.registries[0]).toMatchObject({ requestsPerSecond: 2.5 });
  expect(settings).toMatchObject({ scanInterval: 300_000, scanIntervalLongest: 900_000 });
});

test("names every mistake with its path, unknown keys too", () => {
  const faults = faultsOf({
    environments: [
      { name: "Big", cluster: {}, git: { branch: "main", colour: "red" } },
      { name: "b", cluster: { inCluster: true }, git: { url: "x" }, mode: "write" },
    ],
    registrys: [],
  });
  const starts = (faults as string[]).map((fault) => fault.split(": ")[0]);
  expect(starts).toEqual(
    expect.arrayContaining([
      "environments[0].name",
      "environments[0].cluster",
      "environments[0].git.url",
      "environments[0].git.colour",
      "environments[1].mode",
      "registrys",
    ]),
  );
});

test("names line and column of what is not YAML", () => {
  expect(detailOf("installation: [\n")).toMatch(/\n- line \d+, column \d+: /);
  expect(detailOf("installation: a\ninstallation: b\n")).toMatch(/\n- line 2, column \d+: .*unique/);
});

test("names the line of each mistake, of what is missing that of what it is missing in", () => {
  const text = `installation: Big
environments:
  - name: a
    cluster: { inCluster: true }
    git:
      branch: main
      colour: red
  - name: b
    cluster: { inCluster: true }
    git: { url: "https://git.example.com/x", tokenFile: x, tokenEnv: Y }
registries:
  - host: r
  - host: r
  - { host: 3 }
`;
  const lines = detailOf(text)
    .split("\n")
    .slice(1)
    .map((line) => line.slice(0, 41));
  expect(lines).toEqual(
    [
      "- line 1, installation: a lower-case DNS l",
      "- line 5, environments[0].git.url: Invalid",
      "- line 7, environments[0].git.colour: unkn",
      "- line 10, environments[1].git: give eithe",
      '- line 13, registries[1].host: "r" is used',
      "- line 14, registries[2].host: Invalid inp",
    ].map((line) => line.slice(0, 41)),
  );
});

test("refuses a flood of aliases", () => {
  const flood = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [one, two] of ["ab", "bc", "cd", "de", "ef"]) {
    flood.push(`${two}: &${two} [${Array.from({ length: 9 }, () => `*${one}`).join(",")}]`);
  }
  expect(() => parseSettings(flood.join("\n"), "x")).toThrow(SlipwayError);
});

test("refuses two apply environments that may write the same file of one lane", () => {
  const other = { url: "https://Git.Example.com:443/shop/config", paths: ["./deploy/prod/"] };
  expect(faultsOf({ environments: [environment("a"), environment("b", other)] })).toEqual([
    'environments[1].git.paths[0]: "./deploy/prod/" overlaps "deploy" of environment "a" on the same branch',
  ]);
});

test.each([
  ["beside each other", { paths: ["deploy-2"] }],
  ["one only observes", { mode: "observe" }],
  ["another branch", { git: { branch: "prod" } }],
  ["another repository", { url: "https://git.example.com/shop/other.git" }],
])("allows two environments: %s", (_name, more) => {
  expect(faultsOf({ environments: [environment("a"), environment("b", more)] })).toEqual([]);
});

test("refuses a password in a URL, plain http, two sources of a secret and paths outside", () => {
  const faults = faultsOf({
    environments: [
      environment("a", { url: "https://bot:hunter2@git.example.com/x.git" }),
      environment("b", { url: "http://git.example.com/y.git", git: { tokenFile: "x", tokenEnv: "Y" } }),
      environment("c", { url: "https://git.example.com/z.git", paths: ["../other"] }),
    ],
    registries: [{ host: "r" }, { host: "r", username: "u", passwordFile: "x", passwordEnv: "Y" }],
  }) as string[];
  expect(faults.map((fault) => fault.split(": ")[0])).toEqual([
    "environments[0].git.url",
    "environments[1].git.url",
    "environments[1].git",
    "environments[2].git.paths[0]",
    "registries[1].host",
    "registries[1]",
  ]);
  expect(faults.join()).not.toContain("hunter2");
});

test.each([
  ["https://git.example.com/a/b.git", "git@git.example.com:a/b", true],
  ["https://Git.Example.com:443/a/b/", "ssh://git@git.example.com:22/a/b.git", true],
  ["https://git.example.com:8443/a/b", "https://git.example.com/a/b", false],
  ["https://git.example.com/a/B", "https://git.example.com/a/b", false],
])("%s and %s are the same repository: %s", (a, b, same) => {
  expect(sameRepository(a, b)).toBe(same);
});

test("reads how registries are reached, with the names of files made absolute", async () => {
  const path = join(folder, "registries.yaml");
  const environment = '{ name: a, cluster: { inCluster: true }, git: { url: "https://git.example.com/a" } }';
  writeFileSync(
    path,
    `environments: [${environment}]
dockerConfigFile: docker/config.json
registries:
  - { host: a.example.com, caFile: ca.crt, certFile: client.crt, keyFile: client.key, proxy: "http://proxy:3128" }
  - { host: b.example.com, credentialHelper: ecr-login, proxy: none }
`,
  );
  const settings = await loadSettings(path);
  expect(settings.dockerConfigFile).toBe(join(folder, "docker/config.json"));
  expect(settings.registries).toMatchObject([
    {
      caFile: join(folder, "ca.crt"),
      certFile: join(folder, "client.crt"),
      keyFile: join(folder, "client.key"),
      proxy: "http://proxy:3128",
    },
    { credentialHelper: "ecr-login", proxy: "none" },
  ]);
});

test("the reference of registries names every key there is, and its example is one", () => {
  const reference = readFileSync(join(import.meta.dirname, "../../../docs/registries.md"), "utf8");
  for (const key of Object.keys(registrySettings.shape)) expect(reference).toContain(`\`${key}\``);
  const [, example = ""] = /```yaml\n(.*?)```/s.exec(reference) ?? [];
  const { registries } = parseSettings(example, "docs/registries.md");
  const shown = new Set(registries.flatMap((registry) => Object.keys(registry)));
  expect(Object.keys(registrySettings.shape).filter((key) => !shown.has(key))).toEqual([]);
});

test("refuses helpers that are no names, half a client certificate, and passwords of proxies", () => {
  const environments = [environment("a")];
  const faultsIn = (registry: object): unknown =>
    faultsOf({ environments, registries: [{ host: "r", ...registry }] });
  for (const credentialHelper of ["../sh", "a b", "", "-x"]) {
    expect(faultsIn({ credentialHelper })).toHaveLength(1);
  }
  for (const half of [{ certFile: "x" }, { keyFile: "x" }]) {
    expect(faultsIn(half)).toEqual(["registries[0]: give both certFile and keyFile, or neither"]);
  }
  for (const half of [{ username: "u" }, { passwordFile: "x" }, { passwordEnv: "X" }]) {
    expect(faultsIn(half)).toEqual([
      "registries[0]: give username and its password (passwordFile or passwordEnv), or neither",
    ]);
  }
  for (const proxy of ["http://user:hunter2@proxy:3128", "socks5://proxy:1080", "proxy:3128"]) {
    expect(faultsIn({ proxy })).toHaveLength(1);
    expect(JSON.stringify(faultsIn({ proxy }))).not.toContain("hunter2");
  }
});

test("looks for the file in the documented order", () => {
  const cwd = join(folder, "cwd");
  mkdirSync(cwd);
  expect(() => findSettingsFile({ env: {}, cwd })).toThrow(/there is no settings file/);
  writeFileSync(join(cwd, "slipway.yaml"), "");
  expect(findSettingsFile({ env: {}, cwd })).toBe(join(cwd, "slipway.yaml"));
  expect(findSettingsFile({ env: { SLIPWAY_CONFIG: "/x.yaml" }, cwd })).toBe("/x.yaml");
  expect(findSettingsFile({ flag: "y.yaml", env: { SLIPWAY_CONFIG: "/x.yaml" }, cwd })).toBe(
    join(cwd, "y.yaml"),
  );
});

test("reads a secret anew each time and cuts the line end", () => {
  const file = join(folder, "secret");
  writeFileSync(file, "one\n");
  expect(readSecret({ file }, {})).toBe("one");
  writeFileSync(file, "two\r\n");
  expect(readSecret({ file }, {})).toBe("two");
  expect(readSecret({ env: "TOKEN" }, { TOKEN: "three" })).toBe("three");
  expect(readSecret({}, {})).toBeUndefined();
});

test("says which secret is missing", async () => {
  expect(() => readSecret({ file: join(folder, "absent") }, {})).toThrow(/absent does not exist/);
  expect(() => readSecret({ env: "TOKEN" }, {})).toThrow(/TOKEN/);
  await expect(loadSettings(join(folder, "absent"))).rejects.toThrow(/does not exist/);
});

test("key files and secrets are meant beside the settings file, wherever the process runs", () => {
  const text = [
    "environments:",
    "  - name: default",
    "    cluster: { kubeconfig: ./kubeconfig }",
    "    git: { url: 'git@git.example.com:shop/config.git', sshKeyFile: ./key, knownHostsFile: hosts, signingKeyFile: sign, webhook: { secretFile: hook } }",
    "registries: [{ host: registry.example.com, webhook: { secretFile: ./pushed } }]",
  ].join("\n");
  const { environments, registries } = parseSettings(text, "/etc/slipway/slipway.yaml");
  expect(registries).toMatchObject([{ webhook: { secretFile: "/etc/slipway/pushed" } }]);
  expect(environments[0]?.git).toMatchObject({
    sshKeyFile: "/etc/slipway/key",
    knownHostsFile: "/etc/slipway/hosts",
    signingKeyFile: "/etc/slipway/sign",
    webhook: { secretFile: "/etc/slipway/hook" },
  });
});
