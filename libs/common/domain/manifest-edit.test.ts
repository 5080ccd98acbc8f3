import { describe, expect, test } from "vitest";
import { documentAt, editImages, revertChanges, type EditResult, type ImageEdit } from "./manifest.ts";

const o = { defaultNamespace: "default" };
const web = { namespace: "default", kind: "pod", name: "web" };
const sha = `sha256:${"a".repeat(64)}`;

const pod = (body: string, metadata = "metadata: {name: web}"): string =>
  `apiVersion: v1\nkind: Pod\n${metadata}\nspec:\n  containers:\n${body}`;

const to = (image: string, container = "a"): ImageEdit => ({ workload: web, container, image });

const edit = (text: string, ...edits: ImageEdit[]): EditResult => editImages(text, edits, o);

/** The edited text; a refusal fails the test with its words. */
function edited(text: string, ...edits: ImageEdit[]): string {
  const result = edit(text, ...edits);
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  const back = revertChanges(result.text, result.changes, o);
  expect(back).toMatchObject({ ok: true, text, skipped: [] });
  return result.text;
}

const refusal = (text: string, ...edits: ImageEdit[]): string => {
  const result = edit(text, ...edits);
  return result.ok ? "edited" : result.reason;
};

describe("only the bytes of the value change", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["plain", "  - name: a\n    image: b:1\n"],
    ["single quotes", "  - name: a\n    image: 'b:1'\n"],
    ["double quotes", '  - name: a\n    image: "b:1"\n'],
    ["a comment after it", "  - name: a\n    image: b:1   # keep   this\n"],
    ["a comment without its space", "  - name: a\n    image: 'b:1' #x\n"],
    ["an emoji before it", "  # 🎉👩‍💻\n  - name: a # 😀\n    image: b:1 # 🚀\n"],
    ["no final newline", "  - name: a\n    image: b:1"],
    ["odd indentation", "   -   name:   a\n       image:   b:1\n       env: [ x , y ]\n"],
    ["flow style", "  - {name: a, image: b:1, env: []}\n"],
    ["JSON style", '  - {"name":"a","image":"b:1"}\n'],
    ["blanks at the end", "  - name: a\n    image: b:1  \n    x: y\t\n\n\n"],
    ["the value on the next line", "  - name: a\n    image:\n      b:1\n"],
    ["an unused anchor", "  - name: a\n    image: &x b:1\n"],
    ["a tag", "  - name: a\n    image: !!str b:1\n"],
    ["its image in other places, too", "  - name: a\n    image: b:1\n    args: ['b:1', b:1] # b:1\n"],
    ["odd scalars around", "  - name: a\n    image: b:1\n    x: [~, 0644, 1_000, 1e3, yes, !foo z]\n"],
    ["block scalars around", "  - name: a\n    image: b:1\n    x: |+\n      b:1\n\n\n    y: >-\n      b:1\n"],
  ];
  test.each(cases)("with %s", (_, body) => {
    const text = pod(body);
    expect(edited(text, to("b:2"))).toBe(text.replace(/(image:\s*|image":)(.*?)b:1/, "$1$2b:2"));
  });
  test.each(cases)("in lines of Windows, after a byte order mark, with %s", (_, body) => {
    const text = `\uFEFF${pod(body).replaceAll("\n", "\r\n")}`;
    expect(edited(text, to("b:2"))).toBe(text.replace(/(image:\s*|image":)(.*?)b:1/, "$1$2b:2"));
  });

  test("in a stream with directives, markers and comments", () => {
    const text = `# head\n%YAML 1.1\n---\n# one\n${pod("  - {name: z, image: b:1}\n").replace("web", "z")}...\n# between\n---  # two\n${pod("  - {name: a, image: b:1}\n")}---\n---\n# tail`;
    const at = text.lastIndexOf("b:1");
    expect(edited(text, to("b:2"))).toBe(`${text.slice(0, at)}b:2${text.slice(at + 3)}`);
  });
  test("in a JSON file", () => {
    const text = JSON.stringify(documentAt(pod("  - {name: a, image: b:1}\n"), web, o), null, 2);
    expect(edited(text, to("b:2"))).toBe(text.replace("b:1", "b:2"));
  });
  test("beside a document that does not parse", () => {
    const text = `a: "open\n---\n${pod("  - {name: a, image: b:1}\n")}---\n}{\n`;
    expect(edited(text, to("b:2"))).toBe(text.replace("b:1", "b:2"));
  });
  test("inside a list", () => {
    const text = `kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: web}\n  spec:\n    containers: [{name: a, image: b:1}]\n`;
    expect(edited(text, to("b:2"))).toBe(text.replace("b:1", "b:2"));
  });
});

describe("quotes", () => {
  test("appear where plain text would be read as something else", () => {
    expect(edited(pod("  - {name: a, image: b:1}\n"), to("1:30"))).toContain('image: "1:30"');
    expect(edited(pod("  - name: a\n    image: b:1\n"), to("[::1]:5000/b:2"))).toContain(
      'image: "[::1]:5000/b:2"',
    );
  });
  test("are not added to an image with tag and digest", () => {
    expect(edited(pod("  - name: a\n    image: b:1\n"), to(`b:2@${sha}`))).toContain(`image: b:2@${sha}\n`);
  });
  test.each(["1.10", "1e3", "0755", "0o17", "1_000", "2024-01-15", "7", "1234567", "1".repeat(40), "12e03"])(
    "appear around the label %s",
    (tag) => {
      const text = pod("  - {name: a, image: b:v1}\n", "metadata: {name: web, labels: {version: v1}}");
      expect(edited(text, to(`b:${tag}`))).toContain(`labels: {version: "${tag}"}`);
    },
  );
  test.each(["yes", "no", "on", "y", "null", "true", "0x1F", "0X1F"])("appear around the word %s", (tag) => {
    const text = pod("  - {name: a, image: b:v1}\n", "metadata: {name: web, labels: {version: v1}}");
    expect(edited(text, to(`b:${tag}`))).toContain(`labels: {version: "${tag}"}`);
  });
  test("stay away from a hash that is no number", () => {
    const hash = "7f511af2d21fd601b86b3bed7baa6adfa9c8c669";
    const text = pod("  - {name: a, image: b:v1}\n", "metadata: {name: web, labels: {version: v1}}");
    expect(edited(text, to(`b:${hash}`))).toContain(`labels: {version: ${hash}}`);
  });
});

describe("several edits", () => {
  const two = pod("  - {name: a, image: b:1}\n  - {name: c, image: 'd:1'}\n");
  test("go in together, each recorded with its source bytes", () => {
    const result = edit(two, to("b:2"), to("d:2", "c"));
    expect(result).toMatchObject({
      ok: true,
      text: two.replace("b:1", "b:2").replace("d:1", "d:2"),
      changes: [
        { workload: "default:pod/web", container: "a", field: "image", from: "b:1", to: "b:2" },
        { workload: "default:pod/web", container: "c", field: "image", from: "'d:1'", to: "'d:2'" },
      ],
    });
  });
  test("change nothing when the image stands there already", () => {
    expect(edit(two, to("b:1"))).toEqual({ ok: true, text: two, changes: [], left: [] });
    expect(edit(two)).toEqual({ ok: true, text: two, changes: [], left: [] });
  });
  test("may say the same thing twice, not two things", () => {
    expect(edited(two, to("b:2"), to("b:2"))).toBe(two.replace("b:1", "b:2"));
    expect(refusal(two, to("b:2"), to("b:3"))).toBe("conflicting-edits");
  });
  test("are all refused when one is", () => {
    expect(refusal(two, to("b:2"), to("d:2", "absent"))).toBe("not-found");
  });
});

describe("refuses", () => {
  test.each([
    ["block-scalar", pod("  - name: a\n    image: |-\n      b:1\n")],
    ["shared-anchor", `x: &i b:1\n${pod("  - {name: a, image: *i}\n")}`],
    ["shared-anchor", `${pod("  - {name: a, image: &i b:1}\n")}x: *i\n`],
    ["merge-key", `x: &d {image: b:1}\n${pod("  - {name: a, <<: *d}\n")}`],
    ["encrypted", `${pod("  - {name: a, image: b:1}\n")}sops: {mac: x}\n`],
    ["not-text", pod("  - {name: a, image: 1.10}\n")],
    ["not-found", pod("  - {name: other, image: b:1}\n")],
    ["not-found", pod("  - {name: a, image: b:1}\n", "metadata: {name: web, namespace: elsewhere}")],
    ["not-found", "}{"],
    ["duplicate-container", pod("  - {name: a, image: b:1}\n  - {name: a, image: b:1}\n")],
    ["duplicate-workload", `${pod("  - {name: a, image: b:1}\n")}---\n${pod("  - {name: a, image: b:1}\n")}`],
  ])("%s", (reason, text) => {
    expect(refusal(text, to("b:2"))).toBe(reason);
  });
  test("what is no image", () => {
    expect(refusal(pod("  - {name: a, image: b:1}\n"), to("b:2, privileged: true"))).toBe("invalid-image");
    expect(refusal(pod("  - {name: a, image: b:1}\n"), to("b:2\nx: y"))).toBe("invalid-image");
  });
  test("with the fault that may hide what was sought", () => {
    expect(edit('a: "open', to("b:2"))).toMatchObject({ detail: expect.stringContaining("document 1") });
  });
});

describe("taking back", () => {
  const text = pod(
    "  - {name: a, image: b:1}\n  - {name: c, image: d:1}\n",
    "metadata: {name: web, labels: {version: '1'}}",
  );
  const release = (from: string, ...edits: ImageEdit[]) => {
    const result = edit(from, ...edits);
    if (!result.ok) throw new Error(result.detail);
    return result;
  };

  test("leaves alone what changed since, and takes back the rest", () => {
    const first = release(text, to("b:2"), to("d:2", "c"));
    const later = first.text.replace("d:2", "d:3");
    const back = revertChanges(later, first.changes, o);
    expect(back).toMatchObject({
      ok: true,
      text: text.replace("d:1", "d:3"),
      skipped: [{ change: { container: "c" }, reason: "changed-since" }],
    });
  });
  test("keeps the label with an image that changed since", () => {
    const labelled = text.replace("d:1", "d:9");
    const first = release(labelled, to("b:2"));
    expect(first.changes).toHaveLength(2);
    const later = first.text.replace("b:2", "b:3");
    expect(revertChanges(later, first.changes, o)).toMatchObject({ ok: true, text: later, reverted: [] });
  });
  test("takes the image back where only the label changed since", () => {
    const labelled = text.replace("d:1", "d:9");
    const first = release(labelled, to("b:2"));
    const later = first.text.replace("version: '2'", "version: mine");
    expect(revertChanges(later, first.changes, o)).toMatchObject({
      ok: true,
      text: labelled.replace("version: '1'", "version: mine"),
    });
  });
  test("can be forced over what changed since", () => {
    const first = release(text, to("b:2"));
    const later = first.text.replace("b:2", "b:3");
    expect(revertChanges(later, first.changes, { ...o, force: true })).toMatchObject({ ok: true, text });
  });
  test("says not-found for what is gone", () => {
    const first = release(text, to("b:2"));
    const gone = revertChanges("# empty\n", first.changes, o);
    expect(gone).toMatchObject({ ok: true, text: "# empty\n", skipped: [{ reason: "not-found" }] });
  });
  test("restores quotes and folded lines to the byte", () => {
    const folded = pod('  - name: a\n    image: "b:\\\n      1"\n');
    expect(edited(folded, to("b:2"))).toBe(pod('  - name: a\n    image: "b:2"\n'));
  });
  test("refuses where the value came to be shared", () => {
    const first = release(text, to("b:2"));
    const shared = `${first.text.replace("image: b:2", "image: &i b:2")}x: *i\n`;
    expect(revertChanges(shared, first.changes, o)).toMatchObject({ ok: false, reason: "shared-anchor" });
  });
  test("refuses bytes that would break the document", () => {
    const change = { workload: "default:pod/web", container: "a", field: "image", from: "x}, {y", to: "b:1" };
    expect(revertChanges(text, [change], o)).toMatchObject({ ok: false, reason: "verification-failed" });
    expect(revertChanges(text, [{ ...change, from: "x\n---\ny" }], o)).toMatchObject({ ok: false });
  });
});
