import { expect, test } from "vitest";

import { readPushAnswer, readRefLines } from "./push-answer.ts";
import type { DetachedEnd } from "./process.ts";

const branch = "refs/heads/main";
const lane = "refs/slipway/shop/main";
const a = "a".repeat(40);
const b = "b".repeat(40);

const line = (flag: string, ref: string, summary: string) => `${flag}\t${a}:${ref}\t${summary}\n`;
const ended = (exitCode: number | undefined, stdout = "", stderr = ""): DetachedEnd => ({
  exitCode,
  stopped: undefined,
  stdout: `To http://host/a.git\n${stdout}Done\n`,
  stderr,
});
const read = (end: DetachedEnd) => readPushAnswer(end, [branch, lane]);

test("both refs moved is landed", () => {
  const stdout = line(" ", branch, `${b}..${a}`) + line("+", lane, `${b}...${a} (forced update)`);
  expect(read(ended(0, stdout))).toEqual({ kind: "landed" });
});

test("both refs already there is landed", () => {
  const stdout = line("=", branch, "[up to date]") + line("=", lane, "[up to date]");
  expect(read(ended(0, stdout))).toEqual({ kind: "landed" });
});

test("success that names only one of two refs is unknown", () => {
  expect(read(ended(0, line(" ", branch, "x..y")))).toMatchObject({ kind: "unknown" });
});

test.each([
  [line("!", branch, "[rejected] (stale info)") + line("!", lane, "[rejected] (atomic push failed)"), branch],
  [line("!", branch, "[rejected] (atomic push failed)") + line("!", lane, "[rejected] (stale info)"), lane],
  [line("=", branch, "[up to date]") + line("!", lane, "[rejected] (stale info)"), lane],
  [
    line("!", branch, "[remote rejected] (atomic transaction failed)") +
      line("!", lane, "[remote rejected] (atomic transaction failed)"),
    branch,
  ],
  [line("!", branch, "[remote rejected] (failed to update ref)"), branch],
  [line("!", branch, "[rejected] (fetch first)"), branch],
])("a ref elsewhere than expected is moved: %j", (stdout, named) => {
  const answer = read(ended(1, stdout));
  expect(answer).toMatchObject({ kind: "moved", detail: expect.stringContaining(named) as string });
});

test("a hook's refusal keeps its words", () => {
  const stdout =
    line("!", branch, "[remote rejected] (pre-receive hook declined)") +
    line("!", lane, "[remote rejected] (pre-receive hook declined)");
  const stderr =
    "remote: Frozen until Monday.        \nremote: \u001b[31mAsk Ada.\u001b[0m\nerror: failed to push\n";
  const answer = read(ended(1, stdout, stderr));
  expect(answer).toMatchObject({ kind: "refused", explicit: true });
  expect(answer).toHaveProperty(
    "detail",
    expect.stringMatching(/^Frozen until Monday\.\n\[31mAsk Ada\.\[0m \(refs/),
  );
});

test("a hook for one ref fails the other only as its companion", () => {
  const stdout =
    line("!", branch, "[remote rejected] (hook declined)") +
    line("!", lane, "[remote rejected] (atomic push failure)");
  expect(read(ended(1, stdout))).toEqual({
    kind: "refused",
    detail: `${branch}: hook declined`,
    explicit: true,
  });
});

test("a host that cannot write refuses, though it says the same as for a moved ref", () => {
  const stderr = "remote: error: cannot lock ref: Unable to create 'x.lock': Permission denied\n";
  const stdout = line("!", branch, "[remote rejected] (failed to update ref)");
  expect(read(ended(1, stdout, stderr))).toMatchObject({ kind: "refused" });
});

test("a pack that ended early is failed, one that the host's checks refuse is refused", () => {
  const stdout =
    line("!", branch, "[remote rejected] (unpacker error)") +
    line("!", lane, "[remote rejected] (unpacker error)");
  const ours =
    "fatal: the remote end hung up\nerror: pack-objects died of signal 9\nerror: remote unpack failed\n";
  expect(read(ended(1, stdout, ours))).toMatchObject({ kind: "failed" });
  const theirs = "remote: error: object aaaa: badEmail: invalid author\nerror: remote unpack failed\n";
  expect(read(ended(1, stdout, theirs))).toMatchObject({ kind: "refused" });
});

test("a ref that the host did not report on is unknown", () => {
  const stdout = line("!", branch, "[remote failure] (remote failed to report status)");
  expect(read(ended(1, stdout))).toMatchObject({ kind: "unknown" });
});

test.each(["error: RPC failed; curl 52 Empty reply from server", "error: RPC failed; curl 18", ""])(
  "exit 1 without a ref line is unknown: %j",
  (stderr) => {
    expect(read(ended(1, "", stderr))).toMatchObject({ kind: "unknown" });
  },
);

test("a host without atomic pushes refuses, over http and else", () => {
  const stderr = "fatal: the receiving end does not support --atomic push\n";
  expect(read(ended(1, "", stderr))).toMatchObject({ kind: "refused", explicit: true });
  expect(read(ended(128, "", stderr))).toMatchObject({ kind: "refused", explicit: true });
});

test.each([
  ["fatal: Authentication failed for 'http://host/a.git/'", "GIT_AUTH_FAILED"],
  ["fatal: could not read Username for 'http://host': terminal prompts disabled", "GIT_AUTH_FAILED"],
  ["fatal: unable to access 'x': The requested URL returned error: 403", "GIT_AUTH_FAILED"],
  ["fatal: unable to access 'x': The requested URL returned error: 503", "GIT_UNAVAILABLE"],
  ["fatal: unable to access 'x': Could not resolve host: nowhere", "GIT_UNAVAILABLE"],
  ["fatal: repository 'http://host/a.git/' not found", "GIT_REPOSITORY_MISSING"],
  ["fatal: bad object aaaa", "GIT_CACHE_BROKEN"],
  ["something new", "GIT_UNAVAILABLE"],
])("exit 128 with %j is failed with %s", (stderr, code) => {
  expect(read(ended(128, "", stderr))).toMatchObject({ kind: "failed", code });
});

test("exit 128 after the connection broke midway is unknown", () => {
  const stderr =
    "send-pack: unexpected disconnect while reading sideband packet\nfatal: the remote end hung up unexpectedly";
  expect(read(ended(128, "", stderr))).toMatchObject({ kind: "unknown" });
});

test("a push that was killed is unknown, whatever it had said", () => {
  const stdout = line("!", branch, "[rejected] (stale info)");
  expect(read(ended(undefined, stdout))).toMatchObject({ kind: "unknown" });
  expect(read({ ...ended(undefined), stopped: "deadline" })).toMatchObject({ kind: "unknown" });
});

test("an address with a user in it does not reach the detail", () => {
  const answer = read(ended(128, "", "fatal: unable to access 'https://bot:s3cret@host/a'"));
  expect(JSON.stringify(answer)).not.toContain("s3cret");
});

test("ref lines are read with flag, ref, summary and reason; other lines are not", () => {
  const text = `To x\n${line("*", branch, "[new branch]")}! broken\n${line("!", lane, "[rejected] (stale info)")}Done\n`;
  expect(readRefLines(text)).toEqual([
    { flag: "*", to: branch, summary: "[new branch]", reason: "" },
    { flag: "!", to: lane, summary: "[rejected]", reason: "stale info" },
  ]);
});

test.each([
  `error: src refspec ${a} does not match any\nerror: failed to push some refs to 'http://host/a.git'\n`,
  `fatal: bad object ${a}\nfatal: the remote end hung up unexpectedly\n`,
  `error: Could not read ${a}\nfatal: Failed to traverse parents of commit ${b}\nsend-pack: unexpected disconnect\n`,
])("what cannot be read here was not sent: failed, the cache is damaged (%#)", (stderr) => {
  expect(read(ended(1, "", stderr))).toMatchObject({ kind: "failed", code: "GIT_CACHE_BROKEN" });
});

test("the same words from the host say nothing of our cache", () => {
  const stderr = `remote: fatal: bad object ${a}\nfatal: the remote end hung up unexpectedly\n`;
  expect(read(ended(1, "", stderr))).toMatchObject({ kind: "unknown" });
});
