import { tmpdir } from "node:os";

import { SlipwayError } from "#common/domain/errors.ts";

import { lastWords } from "./git-errors.ts";
import { runDetached } from "./process.ts";
import { usualFolders } from "./target.ts";

/** The public half of a private key, and how people compare it. */
export interface SshIdentity {
  /** As in an authorized_keys file, with a line break. */
  readonly publicKey: string;
  readonly md5: SshFingerprint;
  readonly sha256: SshFingerprint;
}

export interface SshFingerprint {
  readonly hash: string;
  readonly randomart: string;
}

const longestMs = 10_000;

/** Asks ssh-keygen; a key with a passphrase is refused as one that cannot be used. */
export async function readSshIdentity(keyFile: string): Promise<SshIdentity> {
  const publicKey = await sshKeygen(["-y", "-f", keyFile]);
  const [md5, sha256] = await Promise.all([fingerprint(publicKey, "md5"), fingerprint(publicKey, "sha256")]);
  return { publicKey, md5, sha256 };
}

async function fingerprint(publicKey: string, hash: "md5" | "sha256"): Promise<SshFingerprint> {
  const told = await sshKeygen(["-l", "-v", "-E", hash, "-f", "/dev/stdin"], publicKey);
  const [line = "", ...art] = told.trimEnd().split("\n");
  const [, shown = ""] = line.split(" ");
  return { hash: shown.replace(/^[A-Za-z0-9]+:/, ""), randomart: art.join("\n") };
}

async function sshKeygen(args: readonly string[], input?: string): Promise<string> {
  const home = tmpdir();
  const end = await runDetached({
    command: "ssh-keygen",
    args: [...args],
    cwd: home,
    // Never ask: nobody sits at a terminal.
    env: { PATH: usualFolders, HOME: home, LC_ALL: "C", SSH_ASKPASS_REQUIRE: "never" },
    input: Buffer.from(input ?? ""),
    timeoutMs: longestMs,
  });
  if (end.exitCode === 0) return end.stdout;
  throw new SlipwayError("SETTINGS_INVALID", {
    detail: `git.sshKeyFile: ${lastWords(end.stderr) || "ssh-keygen cannot read it"}`,
  });
}
