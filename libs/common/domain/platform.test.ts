import { expect, test } from "vitest";

import { isRunnable } from "./platform.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64" };
const armv7 = { os: "linux", architecture: "arm", variant: "v7" };

test.each([
  [["linux/amd64"], [amd64], true],
  [["linux/arm64/v8", "linux/amd64"], [amd64], true],
  [["linux/arm64/v8"], [arm64], true],
  [["linux/arm64"], [amd64], false],
  [["linux/arm64"], [amd64, arm64], true],
  [["windows/amd64"], [amd64], false],
  [["linux/arm/v6"], [armv7], true],
  [["linux/arm/v7"], [armv7], true],
  [["linux/arm/v8"], [armv7], false],
  [["linux/arm/v7"], [{ os: "linux", architecture: "arm" }], true],
  [["linux/x86_64"], [amd64], true],
  [["linux/aarch64"], [arm64], true],
  [["linux/amd64/odd"], [amd64], true],
  [["linux/arm/v7"], [arm64], true],
  [["linux/386"], [amd64], true],
  [["linux/arm/v7"], [amd64], false],
  [["windows/386"], [amd64], false],
  [["windows/amd64"], [amd64, { os: "windows", architecture: "amd64" }], true],
  [["linux/arm64"], [{ os: "linux", architecture: "arm64", variant: "v8" }], true],
  [[], [amd64], undefined],
  [["linux/amd64"], [], undefined],
  [["junk"], [amd64], false],
])("an image of %j on %j: %j", (has, nodes, verdict) => {
  expect(isRunnable(has, nodes)).toBe(verdict);
});
