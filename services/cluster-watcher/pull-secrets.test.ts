import { describe, expect, test } from "vitest";

import { createGrpcClient, createGrpcServer } from "#common/kit/grpc.ts";
import type { KubeObject } from "#common/kit/kube-types.ts";
import { silentLog } from "#common/kit/log.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import {
  ClusterServiceDefinition,
  GetPullSecretsRequest,
  Workload,
} from "#proto/slipway/cluster/v1/cluster.ts";

import { createClusterService } from "./grpc.ts";
import { createPullSecrets, refuseStrangers } from "./pull-secrets.ts";
import type { EnvironmentWatch } from "./watch-environment.ts";

const repository = "registry.example.com/shop/web";
const base64 = (text: string) => Buffer.from(text).toString("base64");

function aSecret(auths: Readonly<Record<string, string>>): KubeObject {
  const entries = Object.entries(auths).map(([key, login]) => [key, { auth: base64(login) }]);
  const config = JSON.stringify({ auths: Object.fromEntries(entries), credsStore: "never-run" });
  return {
    metadata: {},
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": base64(config) },
  };
}

const named = (...names: string[]) => ({ imagePullSecrets: names.map((name) => ({ name })) });

function aDeployment(spec: object): KubeObject {
  return { metadata: {}, spec: { template: { spec } } };
}

const web = Workload.fromPartial({
  namespace: "shop",
  kind: "deployment",
  name: "web",
  containers: [{ name: "web", image: `${repository}:1.0` }],
});

interface World {
  readonly objects: Readonly<Record<string, KubeObject | number>>;
  readonly workloads?: readonly Workload[];
  readonly sees?: (namespace: string) => boolean;
}

/** `Kind namespace/name` → the object, or a status. */
function aWorld({ objects, workloads = [web], sees = () => true }: World) {
  const asked: string[] = [];
  const clock = createFakeClock();
  const cluster = {
    environment: "default",
    all: () => workloads,
    sees,
    api: () => ({
      objectPath: async ({ kind = "", namespace = "", name = "" }) => `${kind} ${namespace}/${name}`,
      async request({ path }: { path: string }) {
        asked.push(path);
        const found = objects[path] ?? 404;
        const isStatus = typeof found === "number";
        return { status: isStatus ? found : 200, body: isStatus ? {} : found, headers: new Headers() };
      },
    }),
  };
  const read = createPullSecrets({ environments: new Set(["default"]), clock });
  const ask = (more: Partial<GetPullSecretsRequest> = {}) =>
    read(cluster, GetPullSecretsRequest.fromPartial({ environment: "default", repository, ...more }));
  return { ask, asked, clock, cluster };
}

const plain = {
  "Deployment shop/web": aDeployment(named("registry")),
  "ServiceAccount shop/default": { metadata: {} },
};

test("the secrets of the pod template come before those of its service account", async () => {
  const { ask } = aWorld({
    objects: {
      "Deployment shop/web": aDeployment({ serviceAccountName: "puller", ...named("own") }),
      "ServiceAccount shop/puller": { metadata: {}, ...named("shared") },
      "Secret shop/own": aSecret({ "registry.example.com": "own:word" }),
      "Secret shop/shared": aSecret({ "registry.example.com": "shared:word", "other.example.com": "x:y" }),
    },
  });
  const rest = { password: "word", identityToken: "", registryToken: "" };
  expect(await ask()).toEqual({
    credentials: [
      { secret: "shop/own", username: "own", ...rest },
      { secret: "shop/shared", username: "shared", ...rest },
    ],
    problems: [],
  });
});

test("only what is meant for the repository is told, the longest path first", async () => {
  const auths = {
    "registry.example.com": "host:word",
    "registry.example.com/shop": "team:word",
    "registry.example.com/other": "others:word",
    "evil.example.com": "evil:word",
  };
  const { ask } = aWorld({ objects: { ...plain, "Secret shop/registry": aSecret(auths) } });
  const { credentials = [] } = await ask();
  expect(credentials.map(({ username }) => username)).toEqual(["team", "host"]);
});

test("the old form is read, and what cannot be is told without its text", async () => {
  const canary = base64('{"auths": canary');
  const { ask } = aWorld({
    objects: {
      "Deployment shop/web": aDeployment(named("old", "broken", "absent", "hidden", "other")),
      "ServiceAccount shop/default": { metadata: {} },
      "Secret shop/old": {
        metadata: {},
        data: { ".dockercfg": base64(`{"registry.example.com":{"auth":"${base64("bot:word")}"}}`) },
      },
      "Secret shop/broken": { metadata: {}, data: { ".dockerconfigjson": canary } },
      "Secret shop/hidden": 403,
      "Secret shop/other": { metadata: {}, data: { token: base64("canary") } },
    },
  });
  const { credentials, problems } = await ask();
  expect(credentials).toMatchObject([{ username: "bot" }]);
  expect(problems?.toSorted()).toEqual([
    "secret shop/absent is not there",
    "secret shop/broken: it is not JSON",
    "secret shop/hidden may not be read",
    "secret shop/other holds neither .dockerconfigjson nor .dockercfg",
  ]);
});

test("only workloads that use the repository, and that may be seen, are looked at", async () => {
  const elsewhere = { ...web, namespace: "hidden" };
  const other = Workload.fromPartial({
    ...web,
    name: "db",
    containers: [{ name: "db", image: "postgres:18" }],
  });
  const { ask, asked } = aWorld({
    objects: {},
    workloads: [elsewhere, other],
    sees: (namespace) => namespace !== "hidden",
  });
  expect(await ask()).toEqual({ credentials: [], problems: [] });
  expect(await ask({ namespace: "shop", kind: "deployment", name: "db" })).toMatchObject({ credentials: [] });
  expect(asked).toEqual([]);
});

test("a burst of questions reads each object once; a refused credential reads anew", async () => {
  const { ask, asked, clock } = aWorld({
    objects: { ...plain, "Secret shop/registry": aSecret({ "registry.example.com": "bot:word" }) },
  });
  await Promise.all([ask(), ask(), ask()]);
  expect(asked).toHaveLength(3);
  await ask({ fresh: true });
  expect(asked).toHaveLength(6);
  await clock.advance(30_000);
  await ask();
  expect(asked).toHaveLength(9);
});

test("without pullSecrets nothing is read", async () => {
  const { cluster, asked } = aWorld({ objects: plain });
  const read = createPullSecrets({ environments: new Set(), clock: createFakeClock() });
  const request = GetPullSecretsRequest.fromPartial({ environment: "default", repository });
  await expect(read(cluster, request)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(asked).toEqual([]);
});

describe("who is told", () => {
  test.each(["127.0.0.1:5000", "127.1.2.3:1", "[::1]:5000", "ipv4:127.0.0.1:5000"])("%s is", (peer) => {
    expect(() => refuseStrangers(peer, { mutualTls: false })).not.toThrow();
  });
  test.each(["10.0.0.1:5000", "127.0.0.1.evil.example:1", "[::2]:1", "[::ffff:10.0.0.1]:1", "unknown", ""])(
    "%j is not, unless it shows a certificate",
    (peer) => {
      expect(() => refuseStrangers(peer, { mutualTls: false })).toThrow(/do not leave this machine/);
      expect(() => refuseStrangers(peer, { mutualTls: true })).not.toThrow();
    },
  );

  test("a scanner on this machine is, over gRPC", async () => {
    const { cluster } = aWorld({
      objects: { ...plain, "Secret shop/registry": aSecret({ "registry.example.com": "bot:word" }) },
    });
    const readPullSecrets = createPullSecrets({
      environments: new Set(["default"]),
      clock: createFakeClock(),
    });
    const watch = cluster as unknown as EnvironmentWatch;
    const service = createClusterService([watch], { readPullSecrets });
    const services = [[ClusterServiceDefinition, service]] as const;
    const server = createGrpcServer({ host: "127.0.0.1", port: 0, services, log: silentLog });
    await server.start();
    const client = createGrpcClient(ClusterServiceDefinition, { address: `127.0.0.1:${server.port()}` });
    try {
      const told = await client.getPullSecrets({ environment: "default", repository });
      expect(told.credentials).toMatchObject([
        { secret: "shop/registry", username: "bot", password: "word" },
      ]);
    } finally {
      client.close();
      await server.stop();
    }
  });
});
