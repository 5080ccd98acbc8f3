import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { serviceNames } from "#common/contracts/grpc-peers.ts";

import { runSlipway } from "../testing/run.ts";

const passwords = {
  POSTGRES_PASSWORD: "postgres-password",
  REDIS_PASSWORD: "redis-password",
  SLIPWAY_ADMIN_TOKEN: "admin-token",
};
const settings = `environments:
  - { name: default, cluster: { inCluster: true }, git: { url: "https://git.example.com/shop.git" } }
`;
let cwd: string;

interface Shown {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
  readonly subjects?: readonly { readonly namespace: string }[];
  readonly spec?: {
    readonly template?: {
      readonly metadata: object;
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}
interface Container {
  readonly image: string;
  readonly args?: readonly unknown[];
}

const install = async (args: readonly string[], env: Readonly<Record<string, string>> = passwords) => {
  const ran = await runSlipway(["install", ...args], { cwd, env });
  // As kubectl reads it.
  const documents = parseAllDocuments(ran.out, { version: "1.1" });
  return { ...ran, objects: documents.map((document) => document.toJS() as Shown) };
};
const named = (objects: readonly Shown[], kind: string, name: string): Shown | undefined =>
  objects.find((one) => one.kind === kind && one.metadata.name === name);

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "slipway-install-"));
  await writeFile(join(cwd, "slipway.yaml"), settings);
  await mkdir(join(cwd, "secrets"));
  await writeFile(join(cwd, "secrets/git-token"), "a git token");
  expect((await runSlipway(["certs"], { cwd })).code).toBe(0);
});
afterAll(async () => rm(cwd, { recursive: true, force: true }));

test("fills in settings, image, passwords, files and certificates", async () => {
  const { code, objects } = await install([
    "--image",
    "registry.example.com/slipway:1",
    "--secrets",
    "secrets",
  ]);
  expect(code).toBe(0);
  expect(objects[0]?.kind).toBe("Namespace");
  expect(named(objects, "ConfigMap", "slipway-settings")?.data).toEqual({ "slipway.yaml": settings });
  expect(named(objects, "Secret", "slipway-stores")?.stringData).toMatchObject({
    DATABASE_URL: "postgres://slipway:postgres-password@slipway-postgres:5432/slipway",
    REDIS_URL: "redis://:redis-password@slipway-redis:6379",
  });
  const token = named(objects, "Secret", "slipway-secrets")?.data?.["git-token"] ?? "";
  expect(Buffer.from(token, "base64").toString()).toBe("a git token");
  for (const service of serviceNames) {
    const [container] =
      named(objects, "Deployment", `slipway-${service}`)?.spec?.template?.spec.containers ?? [];
    expect(container?.image).toBe("registry.example.com/slipway:1");
    expect(Object.keys(named(objects, "Secret", `slipway-certs-${service}`)?.stringData ?? {})).toEqual([
      "ca.crt",
      "tls.crt",
      "tls.key",
    ]);
  }
});

test("nobody but the authority's keeper gets its key", async () => {
  const { out } = await install([]);
  expect(out.match(/-----BEGIN (EC )?PRIVATE KEY-----/g)).toHaveLength(serviceNames.length);
});

test("every argument of a container stays a text, also where YAML 1.1 reads a bare yes as true", async () => {
  const { objects } = await install([]);
  const containers = objects.flatMap((one) => one.spec?.template?.spec.containers ?? []);
  const args = containers.flatMap((one) => one.args ?? []);
  expect(args).toContain("yes");
  expect(args.filter((arg) => typeof arg !== "string")).toEqual([]);
});

test("goes into the namespace that is named, with the accounts of its roles", async () => {
  const { objects } = await install(["--namespace", "shipping"]);
  const places = objects.flatMap((one) => [
    one.metadata.namespace,
    ...(one.subjects ?? []).map((two) => two.namespace),
  ]);
  expect(objects[0]?.metadata.name).toBe("shipping");
  expect(new Set(places.filter((place) => place !== undefined))).toEqual(new Set(["shipping"]));
});

test("new settings make new pods, the same ones do not", async () => {
  const markOf = async (): Promise<object | undefined> =>
    named((await install([])).objects, "Deployment", "slipway-api")?.spec?.template?.metadata;
  const before = await markOf();
  expect(await markOf()).toEqual(before);
  await writeFile(join(cwd, "slipway.yaml"), `installation: other\n${settings}`);
  expect(await markOf()).not.toEqual(before);
  await writeFile(join(cwd, "slipway.yaml"), settings);
});

test("names all that is missing at once, and prints nothing", async () => {
  const { code, out, err } = await install(["production"], {});
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain("DATABASE_URL is missing; REDIS_URL is missing; SLIPWAY_ADMIN_TOKEN is missing");
});

test("leaves Secrets out when they come from elsewhere", async () => {
  const { code, objects } = await install(["production", "--without-secrets"], {});
  expect(code).toBe(0);
  expect(objects.filter((one) => one.kind === "Secret")).toEqual([]);
});

test.each([
  { what: "settings with a mistake", args: ["--config", "wrong.yaml"], says: "wrong.yaml:1: environments" },
  { what: "no settings", args: ["--config", "absent.yaml"], says: "There is no file absent.yaml" },
  { what: "no certificates", args: ["--certs", "nowhere"], says: "slipway certs nowhere" },
  { what: "a namespace that is none", args: ["--namespace", "No"], says: "lower-case DNS label" },
])("refuses $what in words", async ({ args, says }) => {
  await writeFile(join(cwd, "wrong.yaml"), "environments: []\n");
  const { code, out, err } = await install(args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain(says);
});

test("a password that would need an escape in an address is refused before it breaks one", async () => {
  const { code, err } = await install([], { ...passwords, POSTGRES_PASSWORD: "with/a slash" });
  expect(code).toBe(2);
  expect(err).toContain("POSTGRES_PASSWORD must be");
  expect(err).not.toContain("with/a slash");
});
