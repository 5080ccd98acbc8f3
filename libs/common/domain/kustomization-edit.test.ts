import { describe, expect, test } from "vitest";
import { editEntries, revertEntries, type EntryEdit } from "./kustomization-edit.ts";

const sha = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;
const head =
  "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../base # all\n";

/** The edited text, taken back to the byte on the way. */
function edited(text: string, ...edits: EntryEdit[]): string {
  const result = editEntries(text, edits);
  if (!result.ok) return result.reason;
  expect(revertEntries(result.text, result.changes)).toMatchObject({ ok: true, text, skipped: [] });
  return result.text;
}

describe("an images entry", () => {
  const rows: readonly (readonly [string, string, EntryEdit, string])[] = [
    [
      "has its tag written",
      "- name: b\n  newTag: v1 # x\n",
      { name: "b", tag: "v2" },
      "- name: b\n  newTag: v2 # x\n",
    ],
    [
      "keeps its quotes",
      "- name: b\n  newTag: '1.9'\n",
      { name: "b", tag: "1.10" },
      "- name: b\n  newTag: '1.10'\n",
    ],
    [
      "gets quotes where it was a number",
      "- name: b\n  newTag: 1.9\n",
      { name: "b", tag: "1.10" },
      '- name: b\n  newTag: "1.10"\n',
    ],
    [
      "has its digest written",
      `- {name: b, digest: ${sha}}\n`,
      { name: "b", digest: other },
      `- {name: b, digest: ${other}}\n`,
    ],
    [
      "has both written",
      `- name: b\n  newTag: v1\n  digest: ${sha}\n`,
      { name: "b", tag: "v2", digest: other },
      `- name: b\n  newTag: v2\n  digest: ${other}\n`,
    ],
    [
      "gets a tag it did not have",
      "- name: b\n  newName: c\n- name: d\n",
      { name: "b", tag: "v2" },
      "- name: b\n  newName: c\n  newTag: v2\n- name: d\n",
    ],
    [
      "gives its digest up for a tag",
      `- name: b\n  newTag: v1\n  digest: ${sha}\n`,
      { name: "b", tag: "v2" },
      "- name: b\n  newTag: v2\n",
    ],
    [
      "is found among others",
      "- name: a\n  newTag: v1\n- newTag: v1\n  name: b\n",
      { name: "b", tag: "v2" },
      "- name: a\n  newTag: v1\n- newTag: v2\n  name: b\n",
    ],
  ];
  test.each(rows)("%s", (...[, before, edit, after]) => {
    expect(edited(`${head}images:\n${before}`, edit)).toBe(`${head}images:\n${after}`);
    const windows = (text: string) => `\uFEFF${head}images:\n${text}`.replaceAll("\n", "\r\n");
    expect(edited(windows(before), edit)).toBe(windows(after));
  });
  test("is left alone when it says so already", () => {
    const text = `${head}images:\n- name: b\n  newTag: v1\n`;
    expect(editEntries(text, [{ name: "b", tag: "v1" }])).toEqual({ ok: true, text, changes: [] });
  });
});

describe("a new entry", () => {
  const add = { name: "b", tag: "1.10", isNew: true };
  test("makes the list, its items moved in as others are", () => {
    expect(edited(head, add)).toBe(`${head}images:\n  - name: b\n    newTag: '1.10'\n`);
    const flush = head.replace("  - ..", "- ..");
    expect(edited(flush, add)).toBe(`${flush}images:\n- name: b\n  newTag: '1.10'\n`);
  });
  test("goes to the end of the list", () => {
    const text = `${head}images:\n- name: a\n  newTag: "1" # one\nnamespace: x\n`;
    expect(edited(text, add)).toBe(text.replace("namespace:", '- name: b\n  newTag: "1.10"\nnamespace:'));
    const flow = `${head}images: [{name: a, newTag: v1}]\n`;
    expect(edited(flow, { ...add, tag: "v2" })).toBe(
      `${head}images: [{name: a, newTag: v1}, {name: b, newTag: v2}]\n`,
    );
  });
  test("fills a list that is empty", () => {
    const result = editEntries(`${head}images: []\n`, [{ ...add, tag: "v2" }]);
    expect(result).toMatchObject({ ok: true, text: `${head}images: [{name: b, newTag: v2}]\n` });
  });
  test("takes a digest", () => {
    expect(edited(head, { name: "b", digest: sha, isNew: true })).toBe(
      `${head}images:\n  - name: b\n    digest: ${sha}\n`,
    );
  });
});

test.each([
  ["not-found", `${head}images: [{name: a, newTag: v1}]\n`],
  ["duplicate-container", `${head}images: [{name: b, newTag: v1}, {name: b, newTag: v2}]\n`],
  ["shared-anchor", `x: &e {name: b, newTag: v1}\n${head}images: [*e]\n`],
  ["encrypted", `${head}images: [{name: b, newTag: v1}]\nsops: {mac: x}\n`],
  ["not-found", "a: [\n"],
  ["verification-failed", `${head}images:\n- name: b\n  newTag: |\n    v1\n`],
])("refuses: %s", (reason, text) => {
  expect(edited(text, { name: "b", tag: "v3" })).toBe(
    reason === "verification-failed" ? "block-scalar" : reason,
  );
});

test("refuses what is no tag or digest", () => {
  const text = `${head}images: [{name: b, newTag: v1}]\n`;
  expect(edited(text, { name: "b", tag: "a b" })).toBe("invalid-image");
  expect(edited(text, { name: "b", digest: "sha256:1" })).toBe("invalid-image");
  expect(edited(text, { name: "b" })).toBe("invalid-image");
});

test("what changed since is left alone when taken back", () => {
  const text = `${head}images: [{name: b, newTag: v1}]\n`;
  const result = editEntries(text, [{ name: "b", tag: "v2" }]);
  if (!result.ok) throw new Error(result.detail);
  const later = result.text.replace("v2", "v3");
  expect(revertEntries(later, result.changes)).toMatchObject({
    ok: true,
    text: later,
    changes: [],
    skipped: [{ name: "b" }],
  });
});
