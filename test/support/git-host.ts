import type { SandboxGit } from "#sandbox/git/sandbox-git.ts";

/** What the git contract asks of a host: the protocol at its address, and an operator's hands behind it. */
export interface GitHost extends Pick<
  SandboxGit,
  | "repositoryUrl"
  | "commitDirectly"
  | "readFile"
  | "log"
  | "refs"
  | "moveRef"
  | "setHook"
  | "failNext"
  | "beforeNext"
  | "requests"
  | "idle"
  | "stop"
> {
  readonly username: string;
  readonly token: string;
  /** A repository whose branch `main` has one commit; returns its address. */
  createRepository(name: string, files: Readonly<Record<string, string>>): Promise<string>;
}
