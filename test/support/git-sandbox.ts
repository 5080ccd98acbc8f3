import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { createSandboxGit } from "#sandbox/git/sandbox-git.ts";
import type { GitHost } from "#support/git-host.ts";

/** The sandbox's git host on a free port, as the git contract asks for one. */
export async function startSandboxGit(): Promise<GitHost> {
  const folder = await mkdtemp(path.join(tmpdir(), "slipway-git-sandbox-"));
  const login = { username: "slipway", token: "sandbox-token" };
  const git = createSandboxGit({ folder, ...login });
  await git.start();
  return {
    ...git,
    ...login,
    createRepository: (name, files) => git.createRepository(name, files, { message: "First" }),
    async stop() {
      await git.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
