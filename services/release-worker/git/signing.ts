import { SlipwayError } from "#common/domain/errors.ts";

import { lastWords } from "./git-errors.ts";
import { runDetached } from "./process.ts";
import type { GitPlace } from "./target.ts";

/** Signs the bytes of a commit and returns the armoured signature. */
export type Signer = (raw: Buffer, keyFile: string) => Promise<string>;

const longestSigningMs = 10_000;

/** Signs as `git commit -S` with `gpg.format=ssh` does: an OpenSSH key, the namespace `git`. */
export function createSshSigner({ home, searchPath }: GitPlace, cwd: string): Signer {
  // Never ask: a key with a passphrase is refused instead of waiting for a terminal.
  const env = { PATH: searchPath, HOME: home, LC_ALL: "C", SSH_ASKPASS_REQUIRE: "never" };
  return async (raw, keyFile) => {
    const end = await runDetached({
      command: "ssh-keygen",
      args: ["-Y", "sign", "-n", "git", "-f", keyFile],
      cwd,
      env,
      input: raw,
      timeoutMs: longestSigningMs,
    });
    if (end.exitCode === 0 && end.stdout.startsWith("-----BEGIN SSH SIGNATURE-----\n")) return end.stdout;
    throw new SlipwayError("GIT_SIGNING_FAILED", {
      detail: lastWords(end.stderr) || "ssh-keygen gave no signature",
    });
  };
}
