import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, expect, test } from "vitest";

import { checkKeyFile } from "./key-file.ts";

const folder = mkdtempSync(path.join(tmpdir(), "slipway-key-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a private key that others can read is refused with its mode and the remedy", () => {
  const file = path.join(folder, "key");
  writeFileSync(file, "key");
  chmodSync(file, 0o640);
  expect(() => checkKeyFile("git.sshKeyFile", file)).toThrow("has mode 0640");
  chmodSync(file, 0o600);
  expect(() => checkKeyFile("git.sshKeyFile", file)).not.toThrow();
});

test("a key that is not there is named by its setting", () => {
  const absent = path.join(folder, "absent");
  expect(() => checkKeyFile("git.signingKeyFile", absent)).toThrow(
    `git.signingKeyFile: ${absent} does not exist`,
  );
});
