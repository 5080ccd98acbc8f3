import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

import { createRepositories } from "#sandbox/git/repositories.ts";
import type { Repositories } from "#sandbox/git/repositories.ts";
import { freePorts } from "#support/free-ports.ts";

export interface GitSshHost {
  readonly repositories: Repositories;
  readonly keyFile: string;
  readonly knownHostsFile: string;
  repositoryUrl(name: string): string;
  stop(): Promise<void>;
}

const run = promisify(execFile);
const daemon = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((file) => existsSync(file));
const triesToConnect = 100;

/** Whether this machine has the server and the key tool of OpenSSH. */
export function hasSshd(): boolean {
  return daemon !== undefined && existsSync("/usr/bin/ssh-keygen");
}

/** An OpenSSH server of our own on a free port, with fresh keys, for git over ssh. */
export async function startGitSsh(): Promise<GitSshHost> {
  const root = await mkdtemp(path.join(tmpdir(), "slipway-git-ssh-"));
  const [port = 0] = await freePorts(1);
  const file = (name: string) => path.join(root, name);
  for (const name of ["host_key", "client_key"]) {
    await run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(name)]);
  }
  await writeFile(file("authorized_keys"), await readFile(file("client_key.pub")));
  await writeFile(file("known_hosts"), `[127.0.0.1]:${port} ${await readFile(file("host_key.pub"), "utf8")}`);
  await writeFile(file("sshd_config"), serverConfig(port, root));
  await chmod(root, 0o700);
  // The server insists on this empty folder when it runs as root.
  if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true });
  const child = spawn(daemon ?? "sshd", ["-D", "-e", "-f", file("sshd_config")], { stdio: "ignore" });
  await waitForPort(port);
  return {
    repositories: createRepositories(root),
    keyFile: file("client_key"),
    knownHostsFile: file("known_hosts"),
    repositoryUrl: (name) => `ssh://${userInfo().username}@127.0.0.1:${port}${root}/${name}.git`,
    async stop() {
      child.kill("SIGKILL");
      await rm(root, { recursive: true, force: true });
    },
  };
}

function serverConfig(port: number, root: string): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${root}/host_key`,
    `AuthorizedKeysFile ${root}/authorized_keys`,
    `PidFile ${root}/sshd.pid`,
    // As the well-known hosts do: without it git falls back to protocol 0, which gives no blob by its id.
    "AcceptEnv GIT_PROTOCOL",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    "",
  ].join("\n");
}

async function waitForPort(port: number): Promise<void> {
  for (let round = 1; round <= triesToConnect; round += 1) {
    if (await accepts(port)) return;
    await pause(50);
  }
  throw new Error(`sshd did not listen on ${port}`);
}

function accepts(port: number): Promise<boolean> {
  const socket = createConnection({ host: "127.0.0.1", port });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).then((open) => {
    socket.destroy();
    return open === true;
  });
}
