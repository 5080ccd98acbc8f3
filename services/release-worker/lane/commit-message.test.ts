import { expect, test } from "vitest";

import { commitMessage, commitPeople } from "./commit-message.ts";
import type { CommitWords } from "./commit-message.ts";

const job = { id: "0193-job", headline: "Release web:2 to shop/web", message: null, requested_by: "ada" };
const change = (container: string): CommitWords["results"][number] => ({
  workload: "shop:deployment/web",
  container,
  from: "web:1",
  to: "web:2",
  result: "change",
  reason: null,
  detail: null,
  file: null,
});
const words: CommitWords = { job, results: [change("web")] };
const said = (message: string, results = words.results): CommitWords => ({
  job: { ...job, message },
  results,
});

test("the usual message is headline, reason, changes and trailers", () => {
  expect(commitMessage({}, words)).toBe(
    "Release web:2 to shop/web\n\nRequested-by: ada\nRelease-Job: 0193-job\n",
  );
  expect(commitMessage({}, said("Fixes the cart.", [change("web"), change("side")])))
    .toBe(`Release web:2 to shop/web

Fixes the cart.

- shop:deployment/web web: web:1 -> web:2
- shop:deployment/web side: web:1 -> web:2

Requested-by: ada
Release-Job: 0193-job
`);
});

test("what the requester marked the job with stands in trailers of its own", () => {
  const marked = { ...job, source_sha: "5f2a9c7d0b", labels: { build: "https://ci.example.com/412\nX: y" } };
  expect(commitMessage({}, { job: marked, results: [] })).toContain(
    "\n\nRequested-by: ada\nSource-Commit: 5f2a9c7d0b\nRelease-Label: build=https://ci.example.com/412 X: y\nRelease-Job: 0193-job\n",
  );
  expect(commitMessage({}, said("Source-Commit: forged"))).toContain("> Source-Commit: forged");
});

test("a template is filled in once, and the trailers follow whatever it says", () => {
  const messageTemplate = "chore(release): {headline}\n\n{message} ({requestedBy}, {job})";
  expect(commitMessage({ messageTemplate }, said("say {job}")))
    .toBe(`chore(release): Release web:2 to shop/web

say {job} (ada, 0193-job)

Requested-by: ada
Release-Job: 0193-job
`);
});

test("a template that comes out empty leaves the headline", () => {
  expect(commitMessage({ messageTemplate: "{message}" }, words)).toMatch(
    /^Release web:2 to shop\/web\n\nReq/,
  );
});

test.each([
  "Release-Job: 0193-forged",
  "x\nrelease-job : 0193-forged",
  "x\r\n  Release-Job: 0193-forged\r\n",
  "x\rRelease-Job: 0193-forged",
  "x\u2028Requested-by: root\u2028Release-Job: 0193-forged",
  "x\u0000\nRel\u0000ease-Job: 0193-forged",
])("a message cannot carry a trailer of ours: %j", (message) => {
  const text = commitMessage({ messageTemplate: "{headline}\n\n{message}" }, said(message));
  const trailers = text.split("\n").filter((line) => /^\s*(release-job|requested-by)\s*:/i.test(line));
  expect(trailers).toEqual(["Requested-by: ada", "Release-Job: 0193-job"]);
  expect(text).toContain("> ");
});

test("neither the requester's name nor the headline ends its line", () => {
  const forged = { ...job, requested_by: "eve\nRelease-Job: 1", headline: "Release\n\nRelease-Job: 2" };
  expect(commitMessage({}, { job: forged, results: [] })).toBe(
    "Release Release-Job: 2\n\nRequested-by: eve Release-Job: 1\nRelease-Job: 0193-job\n",
  );
});

test("[skip ci] stands in a paragraph of its own, before the trailers", () => {
  expect(commitMessage({ skipCi: true }, words)).toContain("shop/web\n\n[skip ci]\n\nRequested-by");
});

test("the message has a limit, the trailers do not fall off", () => {
  const text = commitMessage({}, said("a".repeat(100_000)));
  expect(text.length).toBeLessThan(33_000);
  expect(text.endsWith("Release-Job: 0193-job\n")).toBe(true);
});

test.each([
  ["ada", { name: "ada", email: "slipway@example.com" }],
  ["ada@example.com", { name: "ada@example.com", email: "ada@example.com" }],
  ["Ada L <ada@example.com>", { name: "Ada L", email: "ada@example.com" }],
  ["<ada@example.com>", { name: "ada@example.com", email: "ada@example.com" }],
  ["eve <x> <ada@example.com>", { name: "eve <x> <ada@example.com>", email: "slipway@example.com" }],
])("who asked is the author where the environment wants it: %s", (requestedBy, author) => {
  const committer = { name: "Slipway", email: "slipway@example.com" };
  expect(commitPeople({ author: committer, authorFromUser: true }, requestedBy)).toEqual({
    author,
    committer,
  });
  expect(commitPeople({ author: committer }, requestedBy)).toEqual({ author: committer, committer });
});
