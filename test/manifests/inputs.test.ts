import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { formatImageRef, parseImageRef, withTag } from "#common/domain/image-ref.ts";
import { editImages, readManifest, revertChanges } from "#common/domain/manifest.ts";
import { editPolicies } from "#common/domain/manifest-policies.ts";

const o = { defaultNamespace: "default" };
const boutique = join(import.meta.dirname, "../fixtures/boutique");
const inputs = process.env["SLIPWAY_INPUTS"];

const manifestsIn = (folder: string): readonly string[] =>
  globSync(`${folder}/**/*`).filter((path) => /\.(?:ya?ml|json)$/.test(path));

// Other people's manifests, where the machine has them.
const folders = inputs === undefined ? [boutique] : [boutique, inputs];

/** Whatever another reader of YAML sees at each leaf. */
function leaves(value: unknown, path = ""): readonly string[] {
  if (typeof value !== "object" || value === null) return [`${path} = ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}/${key}`));
}

const read = (text: string): readonly string[] =>
  leaves(parseAllDocuments(text, { version: "1.1", logLevel: "silent" }).map((doc) => doc.toJS() as unknown));

for (const folder of folders) {
  const files = manifestsIn(folder);
  test(`every image in ${files.length} files of ${folder === boutique ? "the boutique" : "other people"} is edited, alone, and taken back`, () => {
    let edited = 0;
    const refused: string[] = [];
    for (const file of files) {
      const text = readFileSync(file, "utf8");
      for (const { id, containers } of readManifest(text, o).workloads) {
        for (const { name, image, editable, reason } of containers) {
          if (!editable) refused.push(`${file}: ${reason ?? ""}`);
          if (!editable) continue;
          const to = formatImageRef(
            withTag(parseImageRef(image), { tag: "9.9.9", digest: `sha256:${"b".repeat(64)}` }),
          );
          const result = editImages(text, [{ workload: id, container: name, image: to }], o);
          if (!result.ok) throw new Error(`${file}: ${result.detail}`);
          expectOnly(text, result.text, result.changes.length);
          expect(revertChanges(result.text, result.changes, o)).toMatchObject({ ok: true, text });
          edited += 1;
        }
      }
    }
    expect(edited).toBeGreaterThan(10);
    // Nothing is refused without a reason.
    expect(refused.filter((line) => line.endsWith(": "))).toEqual([]);
  });

  test(`a policy is written on every workload of ${folder === boutique ? "the boutique" : "other people"}, alone, and taken away`, () => {
    let written = 0;
    for (const file of files) {
      const text = readFileSync(file, "utf8");
      for (const { id } of readManifest(text, o).workloads) {
        const on = editPolicies(text, id, { ...o, changes: { automated: "true" } });
        if (!on.ok) throw new Error(`${file}: ${on.detail}`);
        const before = new Set(read(text));
        const added = read(on.text).filter((leaf) => !before.has(leaf));
        expect(added).toEqual([
          expect.stringMatching(/\/metadata\/annotations\/[a-z.]+\/automated = "true"$/),
        ]);
        const off = editPolicies(on.text, id, { ...o, changes: { automated: null } });
        expect(off).toMatchObject({ ok: true, text });
        written += 1;
      }
    }
    expect(written).toBeGreaterThan(10);
  });
}

/** As many lines as scalars were written differ, and no other leaf. */
function expectOnly(before: string, after: string, changes: number): void {
  const [was, is] = [before.split("\n"), after.split("\n")];
  expect(is).toHaveLength(was.length);
  expect(is.filter((line, index) => line !== was[index]).length).toBeLessThanOrEqual(changes);
  const known = new Set(read(before));
  expect(read(after).filter((leaf) => !known.has(leaf))).toHaveLength(changes);
}
