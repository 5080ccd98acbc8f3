import { expect, test } from "vitest";
import { readScannerConfig } from "./config.ts";

const needed = { DATABASE_URL: "postgres://127.0.0.1/slipway" };

test("proxies are taken from the usual variables, in either case", () => {
  const upper = { HTTPS_PROXY: "http://a:1", HTTP_PROXY: "http://b:1", NO_PROXY: ".example.com" };
  const lower = Object.fromEntries(Object.entries(upper).map(([name, value]) => [name.toLowerCase(), value]));
  const proxy = { https: "http://a:1", http: "http://b:1", none: ".example.com" };
  expect(readScannerConfig({ ...needed, ...upper }).proxy).toEqual(proxy);
  expect(readScannerConfig({ ...needed, ...lower }).proxy).toEqual(proxy);
  expect(readScannerConfig(needed).proxy).toEqual({});
});

test("a proxy that is no URL is refused, and not shown", () => {
  const read = () => readScannerConfig({ ...needed, HTTPS_PROXY: "canary" });
  expect(read).toThrow(expect.objectContaining({ code: "SETTINGS_INVALID" }));
  expect(read).not.toThrow(/canary/);
});
