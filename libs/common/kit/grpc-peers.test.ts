import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ServiceImplementation, TsProtoServiceDefinition } from "nice-grpc";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { grpcPeers, grpcServers, serviceNames, spiffeId } from "#common/contracts/grpc-peers.ts";
import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { HealthDefinition } from "#proto/grpc/health/v1/health.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import { ReleaseServiceDefinition } from "#proto/slipway/release/v1/release.ts";

import { openCertificates } from "./grpc-certificates.ts";
import type { CertificateFiles, Certificates } from "./grpc-certificates.ts";
import { createGrpcClient, createGrpcServer } from "./grpc.ts";
import type { GrpcServer } from "./grpc.ts";
import { issue, makeAuthority } from "./issue-certificates.ts";
import type { Pair } from "./issue-certificates.ts";
import { silentLog } from "./log.ts";

const definitions = [ClusterServiceDefinition, RegistryServiceDefinition, ReleaseServiceDefinition];
const term = { now: new Date(), days: 2 };
let folder = "";
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-peers-"));
});

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, ca: Pair, pair: Pair): Promise<CertificateFiles> {
  const at = (end: string): string => join(folder, `${name}.${end}`);
  const files = { caFile: at("ca"), certFile: at("crt"), keyFile: at("key") };
  await writeFile(files.caFile, ca.cert);
  await writeFile(files.keyFile, pair.key);
  await writeFile(files.certFile, pair.cert);
  return files;
}

function certificateOf(ca: Pair, service: ServiceName): Promise<Pair> {
  return issue(ca, { commonName: service, names: [{ type: "url", value: spiffeId(service) }] }, term);
}

async function certificates(ca: Pair, service: ServiceName): Promise<Certificates> {
  const files = await write(service, ca, await certificateOf(ca, service));
  return openCertificates({ files, log: silentLog });
}

/** Every method answers NOT_FOUND, so that whoever came through can be told from who did not. */
function hollow(definition: TsProtoServiceDefinition): ServiceImplementation<TsProtoServiceDefinition> {
  const refuse = async (): Promise<never> => {
    throw new SlipwayError("NOT_FOUND");
  };
  const refuseStream = async function* (): AsyncGenerator<never> {
    yield await refuse();
  };
  return Object.fromEntries(
    Object.entries(definition.methods).map(([name, method]) => [
      name,
      method.responseStream ? refuseStream : refuse,
    ]),
  ) as never;
}

async function serve(definition: TsProtoServiceDefinition, shown: Certificates): Promise<string> {
  const services = [[definition, hollow(definition)]] as const;
  const server: GrpcServer = createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services,
    log: silentLog,
    certificates: shown,
  });
  await server.start();
  closers.push(() => server.stop());
  return `127.0.0.1:${server.port()}`;
}

type AnyClient = Record<string, (request: object) => Promise<unknown> | AsyncIterable<unknown>>;

function clientOf(definition: TsProtoServiceDefinition, at: { address: string; shown?: Certificates }) {
  const client = createGrpcClient(definition, { address: at.address, certificates: at.shown });
  closers.push(async () => client.close());
  return client as unknown as AnyClient;
}

/** The code with which a call ends. */
async function codeOf(client: AnyClient, method: string, streams: boolean): Promise<string> {
  try {
    const answer = client[method]?.({});
    if (streams) for await (const _ of answer as AsyncIterable<unknown>) return "ok";
    await answer;
    return "ok";
  } catch (error) {
    if (error instanceof SlipwayError) return error.code;
    throw error;
  }
}

test("each method that is defined has its row, and each row its method", () => {
  const methods = [HealthDefinition, ...definitions].flatMap(({ fullName, methods: all }) =>
    Object.values(all).map(({ name }) => `${fullName}/${name}`),
  );
  expect(Object.keys(grpcPeers).sort()).toEqual(methods.sort());
});

describe("with certificates on both sides", () => {
  test.each(definitions.map((definition) => [definition.fullName, definition] as const))(
    "%s answers whom its rows name, and nobody else",
    async (name, definition: TsProtoServiceDefinition) => {
      const ca = await makeAuthority("test", term);
      const address = await serve(definition, await certificates(ca, grpcServers[name as never]));
      for (const caller of serviceNames) {
        const client = clientOf(definition, { address, shown: await certificates(ca, caller) });
        for (const [key, method] of Object.entries(definition.methods)) {
          const allowed = grpcPeers[`${name}/${method.name}`]?.includes(caller) === true;
          const code = await codeOf(client, key, method.responseStream);
          expect([caller, key, code]).toEqual([caller, key, allowed ? "NOT_FOUND" : "FORBIDDEN"]);
        }
      }
    },
  );

  test("whoever shows no certificate, or one of another authority, does not come through", async () => {
    const ca = await makeAuthority("test", term);
    const shown = await certificates(ca, "registry-scanner");
    const address = await serve(RegistryServiceDefinition, shown);
    const plain = clientOf(RegistryServiceDefinition, { address });
    expect(await codeOf(plain, "listImages", false)).toBe("UNAVAILABLE");
    const other = await makeAuthority("other", term);
    const forged = await write("forged", ca, await certificateOf(other, "api"));
    const stranger = openCertificates({ files: forged, log: silentLog });
    const client = clientOf(RegistryServiceDefinition, { address, shown: stranger });
    expect(await codeOf(client, "listImages", false)).toBe("UNAVAILABLE");
  });

  test("a caller believes only the service it wants to ask, whatever the address", async () => {
    const ca = await makeAuthority("test", term);
    const address = await serve(RegistryServiceDefinition, await certificates(ca, "release-worker"));
    const client = clientOf(RegistryServiceDefinition, { address, shown: await certificates(ca, "api") });
    expect(await codeOf(client, "listImages", false)).toBe("UNAVAILABLE");
  });

  test("a new authority is believed as soon as both sides have read it, and the old one is not", async () => {
    const old = await makeAuthority("test", term);
    const server = await certificates(old, "registry-scanner");
    const address = await serve(RegistryServiceDefinition, server);
    const before = await certificates(old, "api");
    expect(
      await codeOf(clientOf(RegistryServiceDefinition, { address, shown: before }), "listImages", false),
    ).toBe("NOT_FOUND");
    const next = await makeAuthority("next", term);
    await write("registry-scanner", next, await certificateOf(next, "registry-scanner"));
    await server.reload();
    const late = clientOf(RegistryServiceDefinition, { address, shown: before });
    expect(await codeOf(late, "listImages", false)).toBe("UNAVAILABLE");
    const after = await certificates(next, "api");
    const client = clientOf(RegistryServiceDefinition, { address, shown: after });
    expect(await codeOf(client, "listImages", false)).toBe("NOT_FOUND");
  });
});
