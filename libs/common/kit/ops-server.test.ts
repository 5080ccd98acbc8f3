import { afterEach, expect, test } from "vitest";

import { SlipwayError } from "#common/domain/errors.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";

import { envReader } from "./env.ts";
import { createProgress } from "./health.ts";
import { silentLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createOpsServer, readOpsAddress } from "./ops-server.ts";
import type { OpsServer, OpsServerOptions } from "./ops-server.ts";

let server: OpsServer | undefined;
afterEach(async () => {
  await server?.stop();
});

const metrics = createMetrics({ service: "worker", process: false });

async function start(options: Partial<OpsServerOptions> = {}) {
  server = createOpsServer({ host: "127.0.0.1", port: 0, metrics, log: silentLog, ...options });
  await server.start();
  const address = `http://127.0.0.1:${server.port()}`;
  return async (path: string, method = "GET") => {
    const response = await fetch(`${address}${path}`, { method });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
    };
  };
}

test("shows the metrics as Prometheus reads them", async () => {
  metrics.counter({ name: "pushes_total", help: "Pushes." }).add();
  const get = await start();
  const page = await get("/metrics");
  expect(page).toMatchObject({ status: 200, type: expect.stringContaining("text/plain") });
  expect(page.text).toContain('slipway_pushes_total{service="worker"} 1');
});

test("a process whose loop stopped turning is not alive", async () => {
  const clock = createFakeClock();
  const get = await start({ progress: createProgress({ maxSilenceMs: 60_000, clock }) });
  expect(await get("/livez")).toMatchObject({ status: 200, text: '{"alive":true}' });
  await clock.advance(60_001);
  expect(await get("/livez")).toMatchObject({ status: 503, text: '{"alive":false,"silentForMs":60001}' });
});

test("is ready while what it needs answers, whatever the rest does", async () => {
  const away = () => Promise.reject(new SlipwayError("STORE_UNAVAILABLE"));
  const get = await start({
    dependencies: [
      { name: "postgres", needed: true, check: async () => undefined },
      { name: "scanner", needed: false, check: away },
    ],
  });
  expect(await get("/readyz")).toMatchObject({
    status: 200,
    text: '{"ready":true,"failing":[],"dependencies":{"postgres":"ok","scanner":"STORE_UNAVAILABLE"}}',
  });
  await server?.stop();
  const without = await start({ dependencies: [{ name: "postgres", needed: true, check: away }] });
  expect(await without("/readyz")).toMatchObject({ status: 503 });
});

test("serves nothing else, and to readers only", async () => {
  const get = await start();
  expect(await get("/")).toMatchObject({ status: 404 });
  expect(await get("/metrics", "POST")).toMatchObject({ status: 405 });
});

test("says that it cannot answer when the metrics cannot be read", async () => {
  const text = () => Promise.reject(new Error("no"));
  const get = await start({ metrics: { contentType: "text/plain", text } });
  expect(await get("/metrics")).toMatchObject({ status: 500, text: "{}" });
});

test("listens on loopback, and only where a port is given", async () => {
  const read = (env: Record<string, string>) => readOpsAddress(envReader(env));
  expect(read({})).toEqual({ host: "127.0.0.1", port: undefined });
  expect(read({ SLIPWAY_OPS_PORT: "9090", SLIPWAY_OPS_HOST: "0.0.0.0" })).toEqual({
    host: "0.0.0.0",
    port: 9090,
  });
  server = createOpsServer({ host: "127.0.0.1", port: undefined, metrics, log: silentLog });
  await server.start();
  expect(server.port()).toBeUndefined();
});

test("tells which port is taken", async () => {
  await start();
  const second = createOpsServer({ host: "127.0.0.1", port: server?.port(), metrics, log: silentLog });
  await expect(second.start()).rejects.toMatchObject({ code: "SETTINGS_INVALID" });
});
