import { expect, test } from "vitest";

import { readManifest } from "#common/domain/manifest.ts";
import { formatWorkloadId } from "#common/domain/workload.ts";
import type { DeclaredRow } from "#common/store/manifests.ts";
import { blobOid } from "./blob-memory.ts";
import { lastReadable, type IndexedBefore } from "./tip-broken.ts";
import type { TipFile } from "./tip-view.ts";

const deployment = (name: string) =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}, namespace: shop}\nspec: {template: {spec: {containers: [{name: ${name}, image: "shop/${name}:1"}]}}}\n`;
const several = (...names: string[]) => names.map(deployment).join("---\n");
const broken = "kind: Deployment\nmetadata: {name: [\n";
const otherwiseBroken = "a: 1\n  b: 2\n";

/** A chain of commits as the index sees them, one after the other. */
function createHistory() {
  let before: IndexedBefore = { rows: [], faults: [] };
  return {
    commit(texts: Readonly<Record<string, string>>): string[] {
      const files = new Map(Object.entries(texts).map(([path, text]) => [path, fileOf(path, text)]));
      const kept = lastReadable(files, before);
      const rows = [...[...files.values()].flatMap(rowsOf), ...kept];
      const faults = [...files.values()].flatMap(({ path, manifest }) =>
        manifest.faults.map(({ message, line = null }) => ({ path, message, line })),
      );
      before = { rows, faults };
      return rows.map(told).sort();
    },
  };
}

function fileOf(path: string, text: string): TipFile {
  const manifest = readManifest(text, { defaultNamespace: "default" });
  return { path, mode: "100644", oid: blobOid(Buffer.from(text)), manifest };
}

function rowsOf(file: TipFile): DeclaredRow[] {
  return file.manifest.workloads.map((declared) => ({
    environment: "default",
    workload: formatWorkloadId(declared.id),
    path: file.path,
    document: declared.document,
    line: declared.line,
    blob_oid: file.oid,
    containers: [],
    policies: { automated: false, locked: false, ignore: false, hold: null, tags: {} },
    repositories: [],
    labels: {},
    fault: null,
  }));
}

const told = ({ workload, path, fault }: DeclaredRow): string =>
  `${workload.replace("shop:deployment/", "")} ${path}${fault === null ? "" : ` broken:${fault.line ?? "?"}`}`;

test("a file that stops parsing keeps what it declared, until it parses again", () => {
  const history = createHistory();
  expect(history.commit({ "a.yaml": several("web", "db") })).toEqual(["db a.yaml", "web a.yaml"]);
  const kept = ["db a.yaml broken:2", "web a.yaml broken:2"];
  expect(history.commit({ "a.yaml": broken })).toEqual(kept);
  expect(history.commit({ "a.yaml": broken, "b.yaml": deployment("new") })).toEqual([
    kept[0],
    "new b.yaml",
    kept[1],
  ]);
  expect(history.commit({ "a.yaml": `# tried\n${broken}` })).toEqual([
    "db a.yaml broken:3",
    "web a.yaml broken:3",
  ]);
  expect(history.commit({ "a.yaml": deployment("web") })).toEqual(["web a.yaml"]);
});

test("broken in another way it still keeps them", () => {
  const history = createHistory();
  history.commit({ "a.yaml": deployment("web") });
  history.commit({ "a.yaml": broken });
  expect(history.commit({ "a.yaml": otherwiseBroken })).toEqual(["web a.yaml broken:1"]);
});

test("of a file with one broken document the others are as they are", () => {
  const history = createHistory();
  history.commit({ "a.yaml": several("web", "db", "queue") });
  const text = `${deployment("web")}---\n${broken}---\n${deployment("queue")}`;
  expect(history.commit({ "a.yaml": text })).toEqual(["db a.yaml broken:7", "queue a.yaml", "web a.yaml"]);
});

test("a broken file that is removed takes what it held with it", () => {
  const history = createHistory();
  history.commit({ "a.yaml": deployment("web") });
  history.commit({ "a.yaml": broken });
  expect(history.commit({})).toEqual([]);
});

test("a broken file keeps what it held under a new name", () => {
  const history = createHistory();
  history.commit({ "a.yaml": deployment("web") });
  history.commit({ "a.yaml": broken });
  expect(history.commit({ "b.yaml": broken })).toEqual(["web b.yaml broken:2"]);
  expect(history.commit({ "b.yaml": broken, "a.yaml": broken })).toEqual(["web b.yaml broken:2"]);
});

test("a workload that another file declares by now is that file's", () => {
  const history = createHistory();
  history.commit({ "a.yaml": several("web", "db") });
  history.commit({ "a.yaml": broken });
  const moved = { "a.yaml": broken, "b.yaml": deployment("web") };
  expect(history.commit(moved)).toEqual(["db a.yaml broken:2", "web b.yaml"]);
  expect(history.commit({ "a.yaml": broken })).toEqual(["db a.yaml broken:2"]);
});

test("moved to another file in the commit that broke its own, it is the other's from the start", () => {
  const history = createHistory();
  history.commit({ "a.yaml": deployment("web") });
  expect(history.commit({ "a.yaml": broken, "b.yaml": deployment("web") })).toEqual(["web b.yaml"]);
});

test("what people take out of a file with an old fault is gone", () => {
  const history = createHistory();
  const nameless =
    "---\napiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: a, image: b}]}}}\n";
  expect(history.commit({ "a.yaml": `${several("web", "db")}${nameless}` })).toEqual([
    "db a.yaml",
    "web a.yaml",
  ]);
  expect(history.commit({ "a.yaml": `${deployment("web")}${nameless}` })).toEqual(["web a.yaml"]);
});

test("what an index made from nothing cannot know is not there", () => {
  expect(createHistory().commit({ "a.yaml": broken, "b.yaml": deployment("db") })).toEqual(["db b.yaml"]);
});
