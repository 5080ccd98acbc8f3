import { expect, test } from "vitest";

import { readConfig } from "./config.ts";

const from = { flag: "/etc/slipway.yaml", cwd: "/" };

test("listens on loopback and asks its peers there unless told otherwise", () => {
  const env = { DATABASE_URL: "postgres://127.0.0.1/slipway" };
  expect(readConfig({ ...from, env })).toMatchObject({
    host: "127.0.0.1",
    port: 3030,
    redisUrl: undefined,
    watcherAddress: "127.0.0.1:3031",
    scannerAddress: "127.0.0.1:3032",
    workerAddresses: ["127.0.0.1:3033"],
    adminToken: undefined,
    settingsFile: "/etc/slipway.yaml",
  });
});

test("reads a list of workers, and names every fault at once", () => {
  const env = { DATABASE_URL: "postgres://127.0.0.1/slipway", SLIPWAY_WORKER_ADDRESSES: "a:1, b:2," };
  expect(readConfig({ ...from, env }).workerAddresses).toEqual(["a:1", "b:2"]);
  expect(() => readConfig({ ...from, env: { SLIPWAY_HTTP_PORT: "x", SLIPWAY_LOG_LEVEL: "loud" } })).toThrow(
    expect.objectContaining({
      facts: {
        faults: [
          "DATABASE_URL is missing",
          "SLIPWAY_HTTP_PORT must be a whole number from 0 to 65535",
          "SLIPWAY_LOG_LEVEL must be one of debug, info, warn, error, silent",
        ],
      },
    }),
  );
});
