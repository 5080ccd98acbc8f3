import { expect, test } from "vitest";

import { isElsewhere, pushedRefs } from "./pushed-refs.ts";

const refsOf = (payload: unknown, type = "application/json") => {
  const json = typeof payload === "string" ? payload : JSON.stringify(payload);
  return pushedRefs(Buffer.from(json), type);
};

const bitbucketCloud = {
  push: {
    changes: [
      { new: { type: "branch", name: "main" }, old: null },
      { new: null, old: { type: "branch", name: "gone" } },
      { new: { type: "tag", name: "v1" } },
    ],
  },
};

test.each([
  ["GitHub, Gitea and GitLab", { ref: "refs/heads/main", before: "1", after: "2" }, ["refs/heads/main"]],
  ["Bitbucket Data Center", { changes: [{ ref: { id: "refs/heads/main" } }] }, ["refs/heads/main"]],
  ["Bitbucket Cloud", bitbucketCloud, ["refs/heads/main", "refs/heads/gone", "refs/tags/v1"]],
])("reads what %s names", (_who, payload, refs) => {
  expect(refsOf(payload)).toEqual(refs);
});

test("reads GitHub's form", () => {
  const form = new URLSearchParams({ payload: JSON.stringify({ ref: "refs/heads/main" }) });
  expect(refsOf(form.toString(), "application/x-www-form-urlencoded; charset=utf-8")).toEqual([
    "refs/heads/main",
  ]);
});

test.each([
  "",
  "{",
  "null",
  "[]",
  '"refs/heads/x"',
  "{}",
  '{"zen":"Keep it logically awesome."}',
  '{"ref":"feature","ref_type":"branch"}',
  '{"ref":{"id":1},"changes":{"ref":1},"push":[]}',
  '{"changes":[null,1,{"ref":{"id":2}}],"push":{"changes":[{"new":{"name":3}}]}}',
  JSON.stringify({ changes: Array.from({ length: 1_001 }, () => ({ ref: { id: "refs/heads/x" } })) }),
])("%j names no ref that we could rely on", (text) => {
  const refs = refsOf(text);
  expect(refs).toBeUndefined();
  expect(isElsewhere(refs, { branch: "main", push: "direct" })).toBe(false);
});

test("only where every ref is another branch's there is no need to look", () => {
  const direct = { branch: "main", push: "direct" } as const;
  expect(isElsewhere(["refs/heads/main"], direct)).toBe(false);
  expect(isElsewhere(["refs/heads/x", "refs/heads/main"], direct)).toBe(false);
  expect(isElsewhere(["refs/heads/x", "refs/tags/main"], direct)).toBe(true);
  expect(isElsewhere(["refs/heads/main2"], direct)).toBe(true);
});

test("a proposal that was closed is looked at where people merge them", () => {
  const refs = ["refs/heads/slipway/0193"];
  expect(isElsewhere(refs, { branch: "main", push: "proposal" })).toBe(false);
  expect(isElsewhere(refs, { branch: "main", push: "direct" })).toBe(true);
});
