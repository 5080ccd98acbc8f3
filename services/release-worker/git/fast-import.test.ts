import { expect, test } from "vitest";

import { checkTreePath, readImportAnswer, writeImportStream } from "./fast-import.ts";
import type { CommitDraft } from "./fast-import.ts";

const base = "b".repeat(40);
const oid = "c".repeat(40);
const at = new Date("2026-11-25T10:00:00.900Z");

const draft: CommitDraft = {
  jobId: "job-1",
  message: "Release web\n\nRelease-Job: job-1\n\n",
  author: { name: "Ada <x>\n", email: "ada@example.com", at },
  committer: { name: "Slipway", email: "slipway@example.com", at },
  files: [{ path: 'deploy/a "b".yaml', mode: "100644", bytes: Buffer.from("ü\n") }],
};

test("a draft becomes one commit on its base, asked for by mark, on a ref that is removed again", () => {
  const { bytes, questions } = writeImportStream(base, [draft], "refs/scratch/1");
  expect(bytes.toString()).toBe(`feature done
commit refs/scratch/1
mark :1
author Ada x <ada@example.com> 1795600800 +0000
committer Slipway <slipway@example.com> 1795600800 +0000
data 32
Release web

Release-Job: job-1
from ${base}
ls "deploy"
ls "deploy/a \\"b\\".yaml"
M 100644 inline "deploy/a \\"b\\".yaml"
data 3
ü


get-mark :1
reset refs/scratch/1
from ${"0".repeat(40)}

done
`);
  expect(questions.map((question) => question.type)).toEqual(["parent", "file", "mark"]);
});

test("later drafts stand on the one before", () => {
  const text = writeImportStream(base, [draft, draft], "refs/scratch/1").bytes.toString();
  expect(text.match(/^from .*$/gm)).toEqual([`from ${base}`, "from :1", `from ${"0".repeat(40)}`]);
});

test("the answer gives the commits' ids", () => {
  const { questions } = writeImportStream(base, [draft], "refs/scratch/1");
  const answer = `040000 tree ${oid}\tdeploy\n100644 blob ${oid}\tdeploy/a\n${oid}\n`;
  expect(readImportAnswer(answer, questions)).toEqual({ commits: [oid], trees: [] });
  expect(readImportAnswer(`missing deploy\nmissing deploy/a\n${oid}\n`, questions)).toEqual({
    commits: [oid],
    trees: [],
  });
});

test("where a draft is signed, the tree of every commit is asked for", () => {
  const signed = { ...draft, signingKeyFile: "/key" };
  const { bytes, questions } = writeImportStream(base, [draft, signed], "refs/scratch/1");
  expect(bytes.toString().match(/^(get-mark|ls) :.*$/gm)).toEqual([
    "get-mark :1",
    'ls :1 ""',
    "get-mark :2",
    'ls :2 ""',
  ]);
  const [commit, tree] = ["d".repeat(40), "e".repeat(40)];
  const one = `missing deploy\nmissing deploy/a\n${commit}\n040000 tree ${tree}\t\n`;
  expect(readImportAnswer(one + one, questions)).toEqual({ commits: [commit, commit], trees: [tree, tree] });
});

test.each([
  `100644 blob ${oid}\tdeploy\nmissing x\n${oid}\n`,
  `040000 tree ${oid}\tdeploy\n040000 tree ${oid}\tx\n${oid}\n`,
  `040000 tree ${oid}\tdeploy\n120000 blob ${oid}\tx\n${oid}\n`,
  `040000 tree ${oid}\tdeploy\n160000 commit ${oid}\tx\n${oid}\n`,
])("something else at the path is refused: %j", (answer) => {
  const { questions } = writeImportStream(base, [draft], "refs/scratch/1");
  expect(() => readImportAnswer(answer, questions)).toThrow("something else stands there");
});

test("an answer without a commit is a broken cache", () => {
  const { questions } = writeImportStream(base, [draft], "refs/scratch/1");
  expect(() => readImportAnswer("missing a\nmissing b\n", questions)).toThrow("fast-import named no mark");
});

test.each(["120000", "160000", "040000", "100664"])("mode %s is refused", (mode) => {
  const files = [{ path: "a", mode, bytes: Buffer.from("x") }];
  expect(() => writeImportStream(base, [{ ...draft, files }], "refs/s")).toThrow("its mode is");
});

test.each(["a", "deploy/web.yaml", ".github/x", "a.git/b", "wëb/ü.yaml", "a b"])("%j is a path", (path) => {
  expect(() => checkTreePath(path)).not.toThrow();
});

test.each([
  ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b"],
  [
    ".git",
    ".GIT/config",
    "a/.git",
    ".git./x",
    ".git /x",
    "git~1/x",
    ".g\u200cit/x",
    ".git::$INDEX_ALLOCATION/x",
  ],
  ["a\\b", "a\nb", "a\tb", "a\0b", "a\uFFFDb", "a".repeat(4097)],
])("no path of this row is accepted (%#)", (...paths) => {
  for (const path of paths) expect(() => checkTreePath(path)).toThrow("cannot be written safely");
});
