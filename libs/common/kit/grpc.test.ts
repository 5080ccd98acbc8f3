import { expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { HealthCheckResponse_ServingStatus, HealthDefinition } from "#proto/grpc/health/v1/health.ts";
import { ClusterServiceDefinition } from "#proto/slipway/cluster/v1/cluster.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import type { RegistryServiceImplementation } from "#proto/slipway/registry/v1/registry.ts";

import { createGrpcClient, createGrpcServer } from "./grpc.ts";
import { silentLog } from "./log.ts";

const empty: RegistryServiceImplementation = {
  listImages: async () => ({ repositories: [] }),
  refresh: async () => ({}),
};

async function serve(
  implementation: Partial<RegistryServiceImplementation> = {},
  trace?: (line: string) => void,
) {
  const server = createGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [[RegistryServiceDefinition, { ...empty, ...implementation }]],
    log: silentLog,
    ...(trace && { trace }),
  });
  await server.start();
  const address = `127.0.0.1:${server.port()}`;
  const client = createGrpcClient(RegistryServiceDefinition, { address });
  return {
    server,
    client,
    address,
    stop: async () => {
      client.close();
      await server.stop();
    },
  };
}

async function failure(work: Promise<unknown>): Promise<SlipwayError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SlipwayError) return error;
  throw new Error(`expected a SlipwayError, got ${String(error)}`);
}

test("answers a call and traces it by its method", async () => {
  const lines: string[] = [];
  const { client, stop } = await serve(
    { listImages: async ({ repositories }) => ({ repositories: [{ key: repositories[0] ?? "" }] }) },
    (line) => lines.push(line),
  );
  const answer = await client.listImages({ repositories: ["docker.io/library/nginx"] });
  expect(answer.repositories[0]?.key).toBe("docker.io/library/nginx");
  expect(lines).toEqual([
    expect.stringMatching(/^gRPC slipway\.registry\.v1\.RegistryService\/ListImages ok /),
  ]);
  await stop();
});

test("carries code, detail, hint and facts of an error whole, whatever the characters", async () => {
  const detail = "der Tag „größer“ fehlt,\nzweite Zeile 100 %";
  const { client, stop } = await serve({
    refresh: async () => {
      throw new SlipwayError("IMAGE_NOT_FOUND", { detail, hint: "try, again", facts: { tags: ["a", "b"] } });
    },
  });
  const error = await failure(client.refresh({ repository: "x" }));
  expect(error).toMatchObject({ code: "IMAGE_NOT_FOUND", detail, hint: "try, again" });
  expect(error.facts).toEqual({ tags: ["a", "b"] });
  await stop();
});

test("cuts a detail that is larger than a trailer instead of losing the error", async () => {
  const { client, stop } = await serve({
    refresh: async () => {
      throw new SlipwayError("APPLY_REFUSED", { detail: "ü😀".repeat(20_000) });
    },
  });
  const error = await failure(client.refresh({ repository: "x" }));
  expect(error.code).toBe("APPLY_REFUSED");
  expect(error.detail).toMatch(/^ü😀ü/);
  await stop();
});

test("tells nothing of an unknown error's inside", async () => {
  const { client, stop } = await serve({
    refresh: async () => {
      throw new Error("password is hunter2");
    },
  });
  const error = await failure(client.refresh({ repository: "x" }));
  expect(error.code).toBe("INTERNAL");
  expect(error.message).not.toContain("hunter2");
  await stop();
});

test("names service and address when nobody listens", async () => {
  const client = createGrpcClient(RegistryServiceDefinition, { address: "127.0.0.1:1" });
  const error = await failure(client.refresh({ repository: "x" }));
  expect(error).toMatchObject({ code: "UNAVAILABLE", next: "retry" });
  expect(error.detail).toBe("slipway.registry.v1.RegistryService at 127.0.0.1:1 cannot be reached");
  client.close();
});

test("gives up at the deadline and tells the server so", async () => {
  const cancelled = Promise.withResolvers<void>();
  const { client, stop } = await serve({
    refresh: (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          cancelled.resolve();
          reject(signal.reason as Error);
        });
      }),
  });
  const error = await failure(client.refresh({ repository: "x" }, { deadline: 30 }));
  expect(error.code).toBe("UNAVAILABLE");
  expect(error.detail).toContain("did not answer in time");
  await cancelled.promise;
  await stop();
});

test("a call that the caller cancels ends as an AbortError, not as a failure of the peer", async () => {
  const { client, stop } = await serve({ refresh: () => new Promise(() => undefined) });
  const controller = new AbortController();
  const call = client.refresh({ repository: "x" }, { signal: controller.signal });
  controller.abort();
  await expect(call).rejects.toMatchObject({ name: "AbortError" });
  await stop();
});

test("reports health for itself and its services and ends open streams when it stops", async () => {
  const { server, address, stop } = await serve();
  const health = createGrpcClient(HealthDefinition, { address, service: "registry-scanner" });
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  const named = { service: "slipway.registry.v1.RegistryService" };
  expect((await health.check({})).status).toBe(SERVING);
  expect((await health.check(named)).status).toBe(SERVING);
  expect((await failure(health.check({ service: "nobody" }))).code).toBe("NOT_FOUND");
  const seen = health.watch(named)[Symbol.asyncIterator]();
  expect((await seen.next()).value).toEqual({ status: SERVING });
  server.setServing(false);
  expect((await seen.next()).value).toEqual({ status: NOT_SERVING });
  const [, last] = await Promise.all([server.stop(), seen.next()]);
  expect(last.done).toBe(true);
  health.close();
  await stop();
});

test("a method that the server does not know is a difference of versions, not a crash", async () => {
  const { address, stop } = await serve();
  const client = createGrpcClient(ClusterServiceDefinition, { address });
  expect((await failure(client.listWorkloads({}))).code).toBe("INTERNAL");
  client.close();
  await stop();
});

test("refuses plain text off loopback unless it is allowed", async () => {
  const plain = (address: string, allowPlain = false) =>
    createGrpcClient(RegistryServiceDefinition, { address, allowPlain }).close();
  expect(() => plain("cluster-watcher:3032")).toThrow(/plain text outside this machine/);
  expect(() => plain("127.0.0.1.evil.example:3032")).toThrow(/plain text/);
  plain("cluster-watcher:3032", true);
  plain("[::1]:3032");
  const server = createGrpcServer({ host: "0.0.0.0", port: 0, services: [], log: silentLog });
  await expect(server.start()).rejects.toMatchObject({ code: "SETTINGS_INVALID" });
});

test("names the address that it cannot listen on", async () => {
  const { address, stop } = await serve();
  const port = Number(address.split(":")[1]);
  const second = createGrpcServer({ host: "127.0.0.1", port, services: [], log: silentLog });
  await expect(second.start()).rejects.toThrow(`cannot listen on ${address}`);
  await stop();
});
