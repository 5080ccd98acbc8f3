import { tmpdir } from "node:os";

import { expect, test } from "vitest";

import { runDetached } from "./process.ts";

const env = { PATH: "/usr/bin:/bin" };
const cwd = tmpdir();
const shell = (script: string) => ({ command: "/bin/sh", args: ["-c", script], cwd, env });

test("output and exit code come back", async () => {
  const end = await runDetached({ ...shell("echo out; echo err >&2; exit 3"), timeoutMs: 10_000 });
  expect(end).toMatchObject({ exitCode: 3, stopped: undefined, stdout: "out\n", stderr: "err\n" });
});

test("the input reaches the command", async () => {
  const end = await runDetached({ ...shell("cat"), timeoutMs: 10_000, input: "hello" });
  expect(end.stdout).toBe("hello");
});

test("the deadline ends the command with everything below it", async () => {
  // Both sleepers hold the output open: it ends only when both are gone.
  const end = await runDetached({ ...shell("sleep 600 & sleep 600"), timeoutMs: 200 });
  expect(end).toMatchObject({ exitCode: undefined, stopped: "deadline" });
});

test("an abort ends the command, and one that came before starts nothing", async () => {
  const leaving = new AbortController();
  const onStdout = () => leaving.abort();
  const run = { ...shell("echo started; sleep 600"), timeoutMs: 30_000, signal: leaving.signal };
  expect(await runDetached({ ...run, onStdout })).toMatchObject({ exitCode: undefined, stopped: "aborted" });
  expect(await runDetached(run)).toMatchObject({ exitCode: undefined, stopped: "aborted", stdout: "" });
});

test("a folder that is gone is a broken cache, a git that is not there a missing prerequisite", async () => {
  const run = { ...shell("true"), timeoutMs: 10_000 };
  const gone = runDetached({ ...run, cwd: "/nonexistent/folder" });
  await expect(gone).rejects.toMatchObject({ code: "GIT_CACHE_BROKEN" });
  const missing = runDetached({ ...run, command: "/nonexistent/git" });
  await expect(missing).rejects.toMatchObject({ code: "PREREQUISITE_MISSING" });
});
