import { access } from "node:fs/promises";

import type { Fault, GitService } from "./faults.ts";
import { createGitHttpServer } from "./http-server.ts";
import type { SeenRequest } from "./http-server.ts";
import { createRepositories } from "./repositories.ts";
import type { DirectCommit, FileChanges, LogEntry, PersonAt } from "./repositories.ts";

export interface SandboxGitOptions {
  /** Holds the repositories; kept at the end. */
  readonly folder: string;
  readonly username: string;
  readonly token: string;
  readonly host?: string;
  readonly port?: number;
  readonly allowAnonymousRead?: boolean;
}

export interface FirstCommit {
  readonly branch?: string;
  readonly message: string;
  readonly author?: PersonAt;
}

/** A git host for the demo and for tests: smart HTTP with Basic authentication, faults on demand. */
export interface SandboxGit {
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The address to configure as `git.url`. */
  repositoryUrl(name: string): string;
  /** Creates a repository with one commit; a repository that exists is left as it is. Returns its address. */
  createRepository(name: string, files: FileChanges, first: FirstCommit): Promise<string>;
  readFile(name: string, branch: string, path: string): Promise<Buffer>;
  /** Newest first. */
  log(name: string, branch: string): Promise<LogEntry[]>;
  /** Another person pushes; returns the new tip. */
  commitDirectly(name: string, files: FileChanges, options: DirectCommit): Promise<string>;
  refs(name: string): Promise<Map<string, string>>;
  /** Points a ref anywhere, as a forced push of another person does; `undefined` deletes it. */
  moveRef(name: string, ref: string, sha: string | undefined): Promise<void>;
  /** A server-side hook (`pre-receive`, `update`, …) as the body of a shell script; `undefined` removes it. */
  setHook(name: string, hook: string, script: string | undefined): Promise<void>;
  failNext(fault: Fault): void;
  /** Holds the next act of this service while `action` runs; then the act follows. */
  beforeNext(service: GitService, action: () => Promise<void>): void;
  requests(): readonly SeenRequest[];
  /** Ends when every request that has come in so far was acted on, whether its client is still there or not. */
  idle(): Promise<void>;
}

/** Creates the host; it listens after `start`. */
export function createSandboxGit(options: SandboxGitOptions): SandboxGit {
  const repositories = createRepositories(options.folder);
  const server = createGitHttpServer({ root: options.folder, ...options });
  const repositoryUrl = (name: string) => `${server.url}/${name}.git`;
  return {
    get url() {
      return server.url;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    repositoryUrl,
    async createRepository(name, files, { branch = "main", ...first }) {
      if (await exists(repositories.folderOf(name))) return repositoryUrl(name);
      await repositories.create(name, hostConfig);
      await repositories.commit(name, files, { branch, ...first });
      return repositoryUrl(name);
    },
    readFile: repositories.readFile,
    log: repositories.log,
    commitDirectly: repositories.commit,
    refs: repositories.refs,
    moveRef: repositories.moveRef,
    setHook: repositories.setHook,
    failNext: (fault) => server.faults.failNext(fault),
    beforeNext: (service, action) => server.faults.beforeNext(service, action),
    requests: () => server.requests(),
    idle: () => server.idle(),
  };
}

/** What the well-known hosts allow too: partial clones, blobs by their id, atomic pushes, any ref. */
const hostConfig = {
  "http.receivepack": "true",
  "uploadpack.allowFilter": "true",
  "uploadpack.allowAnySHA1InWant": "true",
  "receive.advertiseAtomic": "true",
  "gc.auto": "0",
};

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
