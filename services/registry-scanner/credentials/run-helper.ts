import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { z } from "zod";
import { SlipwayError } from "#common/domain/errors.ts";
import type { Env } from "#common/kit/env.ts";
import type { Credential } from "../oci/types.ts";

export interface HelperCall {
  /** What follows `docker-credential-` in the program's name. */
  readonly helper: string;
  /** As docker names the registry. */
  readonly server: string;
  /** The environment it runs in. */
  readonly env: Env;
  readonly timeoutMs?: number | undefined;
}

const timeoutMsByDefault = 10_000;
const outputBytes = 64 * 1024;
const answerShape = z.object({ Username: z.string().min(1).max(1_000), Secret: z.string().min(1) });

/** Asks `docker-credential-<helper> get`; undefined when it knows nothing of the server. Never shows its output. */
export async function runHelper(call: HelperCall): Promise<Credential | undefined> {
  const program = `docker-credential-${call.helper}`;
  const { code, stdout } = await run(program, call);
  if (code !== 0) {
    if (/credentials not found/i.test(stdout)) return undefined;
    throw failure(program, `ended with ${code === null ? "a signal" : `code ${code}`}`);
  }
  const parsed = answerShape.safeParse(parse(program, stdout));
  if (!parsed.success) throw failure(program, "answered something that is no credential");
  const { Username: username, Secret: secret } = parsed.data;
  if (username === "<token>") return { kind: "identity-token", token: secret };
  return { kind: "password", username, password: secret };
}

// What JSON.parse says quotes the text, so it is not kept as the cause.
function parse(program: string, stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw failure(program, "answered something that is not JSON");
  }
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
}

async function run(program: string, call: HelperCall): Promise<Ended> {
  const { server, env, timeoutMs = timeoutMsByDefault } = call;
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  // A group of its own, so that what the program has started ends with it.
  const o = { env: { ...env }, stdio: ["pipe", "pipe", "ignore"], detached: true } as const;
  const child = spawn(program, ["get"], { ...o, stdio: [...o.stdio] });
  const giveUp = (why: string): void => {
    reject(failure(program, why));
    killGroup(child);
  };
  const timer = setTimeout(() => giveUp(`did not answer within ${timeoutMs} ms`), timeoutMs);
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > outputBytes) giveUp(`answered more than ${outputBytes} bytes`);
    else chunks.push(chunk);
  });
  child.on("error", (cause) => reject(failure(program, "cannot be started", cause)));
  child.on("close", (code) => resolve({ code, stdout: Buffer.concat(chunks).toString("utf8") }));
  child.stdin?.on("error", () => undefined); // one that reads nothing may answer all the same
  child.stdin?.end(`${server}\n`);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.stdout?.destroy();
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Gone between the look and the kill, which is what was wanted.
  }
}

function failure(program: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError("REGISTRY_CREDENTIAL_UNREADABLE", { detail: `${program} ${why}`, cause });
}
