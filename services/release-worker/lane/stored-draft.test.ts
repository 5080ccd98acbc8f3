import { expect, test } from "vitest";

import type { CommitDraft } from "../git/git-cache.ts";
import { draftBytes, fromStoredDraft, toStoredDraft } from "./stored-draft.ts";

const draft: CommitDraft = {
  jobId: "0193a5c2-0000-7000-8000-000000000001",
  message: "Release latest images to sock-shop/front-end\n\nRelease-Job: shop/1\n",
  author: { name: "Släpway", email: "slipway@localhost", at: new Date("2016-11-18T16:00:01.234Z") },
  committer: { name: "Slipway", email: "slipway@localhost", at: new Date("2016-11-18T16:00:02Z") },
  files: [
    { path: "deploy/a.yaml", mode: "100644", bytes: Buffer.from("a: \u{1f9e6}\n") },
    { path: "deploy/b c.yaml", mode: "100755", bytes: Buffer.from([0, 255, 10, 13, 0xef, 0xbb, 0xbf]) },
    { path: "empty.yaml", mode: "100644", bytes: Buffer.alloc(0) },
  ],
};

test("a draft comes back from Postgres as it was, byte for byte and to the millisecond", () => {
  const json: unknown = JSON.parse(JSON.stringify(toStoredDraft(draft)));
  expect(fromStoredDraft(draft.jobId, json as ReturnType<typeof toStoredDraft>)).toEqual(draft);
});

test("what is stored is plain data that survives JSON", () => {
  const stored = toStoredDraft(draft);
  expect(JSON.parse(JSON.stringify(stored))).toEqual(stored);
  expect(stored.files[2]).toEqual({ path: "empty.yaml", mode: "100644", base64: "" });
});

test("a draft weighs its message and its files", () => {
  const weight = draft.message.length + draft.files.reduce((sum, file) => sum + file.bytes.length, 0);
  expect(draftBytes(draft)).toBe(weight);
  expect(draftBytes({ ...draft, message: "", files: [] })).toBe(0);
});
