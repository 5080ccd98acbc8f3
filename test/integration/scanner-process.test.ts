import { describe, expect, test } from "vitest";
import { queueNames, repositorySubject } from "#common/contracts/queue.ts";
import { createGrpcClient, createGrpcServer } from "#common/kit/grpc.ts";
import { silentLog } from "#common/kit/log.ts";
import { createQueue } from "#common/kit/queue.ts";
import * as images from "#common/store/images.ts";
import { RegistryServiceDefinition } from "#proto/slipway/registry/v1/registry.ts";
import { hasPostgres } from "#support/postgres.ts";
import { createRegistryService } from "../../services/registry-scanner/grpc.ts";
import { startScannerChild } from "./scanner-child.ts";
import {
  builtAt,
  cart,
  fill,
  frontEnd,
  hosts,
  repositoryOf,
  until,
  useScannerWorld,
} from "./scanner-world.ts";

const canary = "s3cret-canary";

describe.runIf(hasPostgres())("the scanner as a service", () => {
  const { aStore, aRegistry, aScanner, aWorld, databaseUrl, onEnd } = useScannerWorld();

  test("a started scanner scans what runs, without a word from anybody", async () => {
    const { store, registry, scanner } = await aWorld({ running: [`${cart}:1.0.0`] });
    fill(registry, "shop/cart", 2);
    await scanner.start();
    await until(async () => (await images.imagesOf(store.db, [cart])).get(cart)?.images.length === 2);
  });

  test("a ring scans at once, and finds a tag that moved", async () => {
    const { store, registry } = await aWorld();
    const queue = createQueue({ databaseUrl: databaseUrl(), log: silentLog });
    onEnd(() => queue.stop());
    await queue.start();
    const scanner = aScanner(store, [registry.url], { bell: queue });
    registry.addImage("shop/front-end", "stable", { createdAt: builtAt });
    await scanner.refresh(frontEnd);
    await scanner.start();
    const digest = registry.addImage("shop/front-end", "stable", { createdAt: builtAt, digestSeed: "moved" });
    await images.wakeRepository(store.db, frontEnd);
    await queue.ring(queueNames.scanner, repositorySubject(frontEnd));
    await until(async () => (await repositoryOf(store, frontEnd)).images[0]?.digest === digest);
  });

  test("gRPC answers from the store at once, and from the registry when asked to", async () => {
    const { store, registry, scanner } = await aWorld();
    fill(registry, "shop/front-end", 2);
    const labels = { "org.opencontainers.image.revision": "3fa94c1" };
    registry.addImage("shop/front-end", "1.0.1", { createdAt: builtAt, labels, digestSeed: "labelled" });
    const service = createRegistryService({ store, scanner });
    const server = createGrpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [[RegistryServiceDefinition, service]],
      log: silentLog,
    });
    await server.start();
    const client = createGrpcClient(RegistryServiceDefinition, { address: `127.0.0.1:${server.port()}` });
    onEnd(async () => {
      client.close();
      await server.stop();
    });
    const unknown = await client.listImages({ repositories: [frontEnd] });
    expect(unknown.repositories).toMatchObject([{ key: frontEnd, images: [], scannedAt: undefined }]);
    const { repository } = await client.refresh({ repository: frontEnd, tag: "" });
    expect(repository).toMatchObject({ complete: true, errorCode: "", scannedAt: expect.any(Date) });
    expect(repository?.images.map(({ tag }) => tag).toSorted()).toEqual(["1.0.0", "1.0.1"]);
    const page = { repositories: [frontEnd], filter: "semver:>=1.0.1", limit: 1 };
    const [judged] = (await client.listImages(page)).repositories;
    expect(judged).toMatchObject({ total: 2, ageMs: expect.any(BigInt) });
    expect(judged?.images).toMatchObject([
      { tag: "1.0.0", createdFrom: "config", ineligible: "filtered-out", movedAt: undefined },
    ]);
    const [rest] = (await client.listImages({ ...page, cursor: judged?.next ?? "" })).repositories;
    expect(rest).toMatchObject({ next: "", images: [{ tag: "1.0.1", ineligible: "", revision: "3fa94c1" }] });
    const [eligible] = (await client.listImages({ ...page, eligibleOnly: true })).repositories;
    expect(eligible).toMatchObject({ total: 1, next: "", images: [{ tag: "1.0.1" }] });
    const twoAtOnce = { ...page, repositories: [frontEnd, cart], cursor: judged?.next ?? "" };
    await expect(client.listImages(twoAtOnce)).rejects.toMatchObject({ code: "CURSOR_INVALID" });
    registry.failNext(1, { status: 500 });
    const failed = await client.refresh({ repository: frontEnd, tag: "nope" });
    expect(failed).toMatchObject({ tagFound: false, repository: { errorCode: "REGISTRY_UNAVAILABLE" } });
    expect(failed.repository?.images).toHaveLength(2);
    await expect(client.refresh({ repository: "Not a name", tag: "" })).rejects.toMatchObject({
      code: "IMAGE_REF_INVALID",
    });
  });

  test("the process serves, scans what is wanted, keeps its secrets and ends when told to", async () => {
    const store = await aStore();
    const auth = { kind: "token", username: "bot", password: canary } as const;
    const registry = await aRegistry({ auth });
    fill(registry, "shop/front-end", 2);
    await images.wantRepositories(store.db, [frontEnd, `${hosts.other}/nobody/there`]);
    const settings = { databaseUrl: databaseUrl(), registryUrl: registry.url, password: canary };
    const running = await startScannerChild({ ...settings, onEnd });
    await until(async () => (await repositoryOf(store, frontEnd)).images.every((image) => image.createdAt));
    await until(async () => (await repositoryOf(store, `${hosts.other}/nobody/there`)).problem !== null);
    const client = createGrpcClient(RegistryServiceDefinition, { address: running.address });
    onEnd(async () => client.close());
    const { repository } = await client.refresh({ repository: frontEnd, tag: "" });
    expect(repository?.images).toHaveLength(2);
    await running.child.stop();
    expect(await running.child.exited).toEqual({ code: 0, signal: null });
    expect(running.output()).toContain(`scan ${frontEnd}: 2 tags`);
    expect(running.output()).not.toContain(canary);
  });
});
