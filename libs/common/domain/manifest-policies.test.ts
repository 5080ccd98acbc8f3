import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readManifest } from "./manifest.ts";
import { editPolicies, type PolicyChanges, type PolicyResult } from "./manifest-policies.ts";
import type { PolicyPrefix } from "./policy.ts";

const web = { namespace: "default", kind: "pod", name: "web" };
const containers = "spec: {containers: [{name: a, image: b}]}\n";
const pod = (metadata: string): string => `apiVersion: v1\nkind: Pod\n${metadata}${containers}`;

const edit = (text: string, changes: PolicyChanges, prefix?: PolicyPrefix): PolicyResult =>
  editPolicies(text, web, { changes, defaultNamespace: "default", prefix });

function edited(text: string, changes: PolicyChanges, prefix?: PolicyPrefix): string {
  const result = edit(text, changes, prefix);
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.text;
}

const on = { automated: "true" };
const refusal = (text: string, changes: PolicyChanges = on): string => {
  const result = edit(text, changes);
  return result.ok ? "edited" : result.reason;
};

describe("a policy is added", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "where there are no annotations",
      "metadata:\n  name: web\n  labels:\n    app: web\n",
      "metadata:\n  name: web\n  labels:\n    app: web\n  annotations:\n    slipway.dev/automated: 'true'\n",
    ],
    [
      "with four blanks a level where the document has four",
      "metadata:\n    name: web\n",
      "metadata:\n    name: web\n    annotations:\n        slipway.dev/automated: 'true'\n",
    ],
    [
      "where annotations stand empty",
      "metadata:\n  annotations: # none yet\n  name: web\n",
      "metadata:\n  annotations: # none yet\n    slipway.dev/automated: 'true'\n  name: web\n",
    ],
    [
      "where annotations are null",
      "metadata:\n  annotations: ~ # none\n  name: web\n",
      "metadata:\n  annotations: {slipway.dev/automated: 'true'} # none\n  name: web\n",
    ],
    [
      "into an empty flow map",
      "metadata:\n  annotations: {}\n  name: web\n",
      "metadata:\n  annotations: {slipway.dev/automated: 'true'}\n  name: web\n",
    ],
    [
      "into a flow map",
      "metadata:\n  annotations: {a: b}\n  name: web\n",
      "metadata:\n  annotations: {a: b, slipway.dev/automated: 'true'}\n  name: web\n",
    ],
    [
      "into flow metadata",
      "metadata: {name: web}\n",
      "metadata: {name: web, annotations: {slipway.dev/automated: 'true'}}\n",
    ],
    [
      "after the last annotation and its comment, in its quotes",
      'metadata:\n  annotations:\n    # the first\n    a: "x" # note\n  name: web # the web\n',
      'metadata:\n  annotations:\n    # the first\n    a: "x" # note\n    slipway.dev/automated: "true"\n  name: web # the web\n',
    ],
    [
      "before a block scalar, whose end is a matter of blank lines",
      "metadata:\n  annotations:\n    a: x\n    b: |+\n      text\n\n  name: web\n",
      "metadata:\n  annotations:\n    a: x\n    slipway.dev/automated: 'true'\n    b: |+\n      text\n\n  name: web\n",
    ],
    [
      "before the only annotation when that is a block scalar",
      "metadata:\n  annotations:\n    b: |+\n      text\n\n  name: web\n",
      "metadata:\n  annotations:\n    slipway.dev/automated: 'true'\n    b: |+\n      text\n\n  name: web\n",
    ],
  ];
  test.each(cases)("%s", (_, before, after) => {
    expect(edited(pod(before), on)).toBe(pod(after));
    const windows = (text: string) => `\uFEFF${pod(text).replaceAll("\n", "\r\n")}`;
    expect(edited(windows(before), on)).toBe(windows(after));
  });

  test("at the end of a text without a last line break", () => {
    const text = `apiVersion: v1\nkind: Pod\n${containers}metadata:\n  name: web`;
    const after = `${text}\n  annotations:\n    slipway.dev/automated: 'true'`;
    expect(edited(text, on)).toBe(after);
    expect(edited(after, { automated: null })).toBe(text);
  });

  const object = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: { containers: [{ name: "a", image: "b" }] },
  };
  const annotated = (annotations: object) => ({ ...object, metadata: { name: "web", annotations } });
  test.each([0, 2, 4, "\t"])("to JSON as JSON writes it (indented by %j)", (indent) => {
    const write = (value: unknown): string => JSON.stringify(value, null, indent);
    const one = write(annotated({ "slipway.dev/automated": "true" }));
    expect(edited(write(object), on)).toBe(one);
    expect(edited(write(annotated({})), on)).toBe(one);
    const two = write(annotated({ "slipway.dev/automated": "true", "slipway.dev/locked": "true" }));
    expect(edited(one, { locked: "true" })).toBe(two);
    expect(edited(two, { locked: null })).toBe(one);
  });

  test("to an item of a list and to one document of many", () => {
    const item =
      "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: web\n  spec: {containers: [{name: a, image: b}]}\n";
    const text = `a: 1\n---\napiVersion: v1\nkind: List\nitems:\n${item}---\n}{\n`;
    expect(edited(text, on)).toBe(
      text.replace(
        "    name: web\n",
        "    name: web\n    annotations:\n      slipway.dev/automated: 'true'\n",
      ),
    );
  });
  test("under the prefix the workload already uses, or the one asked for", () => {
    const text = pod("metadata:\n  name: web\n  annotations:\n    fluxcd.io/locked: 'true'\n");
    expect(edited(text, on)).toContain("    fluxcd.io/automated: 'true'\n");
    expect(edited(text, on, "flux.weave.works")).toContain("    flux.weave.works/automated: 'true'\n");
  });
});

describe("a policy is changed", () => {
  test("in the quotes it stands in, under every prefix that says it", () => {
    const text = pod(
      `metadata:\n  name: web\n  annotations:\n    fluxcd.io/automated: "true" # on\n    slipway.dev/automated: 'true'\n    filter.fluxcd.io/a: glob:1.*\n`,
    );
    expect(edited(text, { automated: "false", "tag.a": "semver:>=1.0" })).toBe(
      text.replace('"true"', '"false"').replace("'true'", "'false'").replace("glob:1.*", "'semver:>=1.0'"),
    );
  });
  test("where it stood as something that is no text", () => {
    const text = pod("metadata:\n  name: web\n  annotations:\n    fluxcd.io/automated: true\n");
    expect(edited(text, on)).toContain("fluxcd.io/automated: 'true'\n");
  });
  test("not at all when it says so already", () => {
    const text = pod("metadata:\n  name: web\n  annotations:\n    fluxcd.io/automated: 'true'\n");
    expect(edit(text, on)).toEqual({ ok: true, text, changes: [] });
  });
  test("to words of every kind", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (message) => {
        for (const metadata of ["metadata:\n  name: web\n", "metadata: {name: web}\n"]) {
          const text = edited(pod(metadata), { locked_msg: message });
          expect(readManifest(text, { defaultNamespace: "default" }).workloads[0]?.policies).toMatchObject({
            lockedMessage: message,
          });
          expect(edited(text, { locked_msg: null })).toBe(pod(metadata));
        }
      }),
      { numRuns: 300 },
    );
  });
  test("is told with its old and new value", () => {
    const text = pod("metadata: {name: web, annotations: {fluxcd.io/locked: 'true'}}\n");
    expect(edit(text, { locked: null, automated: "true" })).toMatchObject({
      changes: [
        { workload: "default:pod/web", annotation: "fluxcd.io/locked", from: "true", to: null },
        { workload: "default:pod/web", annotation: "slipway.dev/automated", from: null, to: "true" },
      ],
    });
  });
});

describe("a policy is taken away", () => {
  const rows: readonly (readonly [string, string, string])[] = [
    [
      "with its line and its comment, and annotations with the last one",
      "metadata:\n  name: web\n  annotations:\n    slipway.dev/automated: 'true' # on\n",
      "metadata:\n  name: web\n  annotations:\n",
    ],
    [
      "from among others",
      "metadata:\n  name: web\n  annotations:\n    a: x\n    slipway.dev/automated: 'true'\n    b: y\n",
      "metadata:\n  name: web\n  annotations:\n    a: x\n    b: y\n",
    ],
    [
      "from the last place before a dedent",
      "metadata:\n  annotations:\n    a: x\n    slipway.dev/automated: 'true'\n  name: web\n",
      "metadata:\n  annotations:\n    a: x\n  name: web\n",
    ],
    [
      "from the middle of a flow map",
      "metadata: {name: web, annotations: {a: x, slipway.dev/automated: 'true', b: y}}\n",
      "metadata: {name: web, annotations: {a: x, b: y}}\n",
    ],
    [
      "from the end of a flow map",
      "metadata: {name: web, annotations: {a: x, slipway.dev/automated: 'true' }}\n",
      "metadata: {name: web, annotations: {a: x }}\n",
    ],
    [
      "from a flow map of its own",
      "metadata: {name: web, annotations: { slipway.dev/automated: 'true' }}\n",
      "metadata: {name: web}\n",
    ],
    [
      "with its block scalar",
      "metadata:\n  annotations:\n    slipway.dev/automated: >-\n      true\n    b: y\n  name: web\n",
      "metadata:\n  annotations:\n    b: y\n  name: web\n",
    ],
  ];
  test.each(rows)("%s", (_, before, after) => {
    expect(edited(pod(before), { automated: null })).toBe(pod(after));
  });
  test("under every prefix, so that no weaker one shows through", () => {
    const text = pod(
      "metadata:\n  name: web\n  annotations:\n    a: x\n    fluxcd.io/hold: x\n    slipway.dev/hold: y\n",
    );
    expect(edited(text, { hold: null })).toBe(pod("metadata:\n  name: web\n  annotations:\n    a: x\n"));
  });
  test("quietly when it does not stand there", () => {
    const text = pod("metadata:\n  name: web\n");
    expect(edit(text, { automated: null })).toEqual({ ok: true, text, changes: [] });
  });
});

describe("refused is", () => {
  test.each([
    [
      "merge-key",
      pod("x: &m {name: web}\nmetadata: {<<: *m, annotations: {<<: {a: b}}}\n").replace(
        "metadata: {<<: *m, annotations: {<<: {a: b}}}",
        "metadata: *m",
      ),
    ],
    ["shared-anchor", pod("metadata: {name: web, annotations: &a {x: y}}\nother: *a\n")],
    ["encrypted", `${pod("metadata: {name: web}\n")}sops: {mac: x}\n`],
    ["not-found", pod("metadata: {name: other}\n")],
    ["duplicate-workload", `${pod("metadata: {name: web}\n")}---\n${pod("metadata: {name: web}\n")}`],
    ["verification-failed", pod("metadata: {name: web, annotations: [a]}\n")],
  ])("%s", (reason, text) => {
    expect(refusal(text)).toBe(reason === "merge-key" ? "shared-anchor" : reason);
  });
  test.each([
    ["a key nobody knows", { colour: "red" }],
    ["a switch that is neither on nor off", { automated: "yes" }],
    ["a filter that is none", { "tag.a": "semver:nonsense" }],
    ["a name that is no annotation", { "tag.a b": "glob:*" }],
    ["half a character", { locked_msg: "\ud800" }],
  ])("%s", (_, changes) => {
    expect(refusal(pod("metadata: {name: web}\n"), changes)).toBe("invalid-policy");
  });
});
