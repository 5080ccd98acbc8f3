import { accessSync, constants, statSync } from "node:fs";

import { SlipwayError } from "#common/domain/errors.ts";

/** Refuses a private key that is absent, unreadable, or that ssh would not use because others can read it. */
export function checkKeyFile(setting: string, file: string): void {
  checkReadable(setting, file);
  const { mode, uid } = statSync(file);
  // ssh's own rule: a key that belongs to somebody else (a mounted secret) is judged by its owner.
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  throw new SlipwayError("SETTINGS_INVALID", {
    detail: `${setting}: ${file} has mode ${shown}: others can read it, so ssh does not use it`,
    hint: `chmod 0600 ${file}`,
  });
}

/** Refuses a file that cannot be opened, by the name of its setting. */
export function checkReadable(setting: string, file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    const code: unknown = Reflect.get(Object(cause), "code");
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})`;
    throw new SlipwayError("SETTINGS_INVALID", { detail: `${setting}: ${file} ${reason}`, cause });
  }
}
