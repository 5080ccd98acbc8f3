import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { createGitHttpServer } from "#sandbox/git/http-server.ts";
import { createRepositories } from "#sandbox/git/repositories.ts";
import type { GitHost } from "#support/git-host.ts";

/**
 * git's own server side (`git http-backend`) as an operator would set it up: pushes only for who authenticated,
 * incoming objects checked, no non-fast-forward of branches, partial clones allowed, everything else by default.
 */
export async function startGitHttp(): Promise<GitHost> {
  const root = await mkdtemp(path.join(tmpdir(), "slipway-git-http-"));
  const login = { username: "bot", token: "real-host-token" };
  const server = createGitHttpServer({ root, ...login });
  const repositories = createRepositories(root);
  await server.start();
  return {
    ...login,
    repositoryUrl: (name) => `${server.url}/${name}.git`,
    async createRepository(name, files) {
      await repositories.create(name, stockConfig);
      await repositories.commit(name, files, { branch: "main", message: "First" });
      return `${server.url}/${name}.git`;
    },
    commitDirectly: repositories.commit,
    readFile: repositories.readFile,
    log: repositories.log,
    refs: repositories.refs,
    moveRef: repositories.moveRef,
    setHook: repositories.setHook,
    failNext: (fault) => server.faults.failNext(fault),
    beforeNext: (service, action) => server.faults.beforeNext(service, action),
    requests: () => server.requests(),
    idle: () => server.idle(),
    async stop() {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

const stockConfig = {
  "uploadpack.allowFilter": "true",
  "receive.fsckObjects": "true",
  "receive.denyNonFastForwards": "true",
  "receive.denyDeletes": "true",
};
