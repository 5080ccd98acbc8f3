import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { declareTree } from "#common/domain/kustomize-tree.ts";
import { renderWorkload } from "#common/domain/kustomize-render.ts";
import { readManifest } from "#common/domain/manifest.ts";
import { needs } from "#support/skips.ts";

/** What we say kustomize makes of a tree, beside what the real one makes of it. */
const run = promisify(execFile);
const o = { defaultNamespace: "default" };
const found = await run("kubectl", ["version", "--client"]).then(
  () => true,
  () => false,
);
const hasKubectl = needs("kubectl", found, "Install kubectl: its kustomize is what ours is compared with.");

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-kustomize-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Tree = Readonly<Record<string, string>>;

interface Built {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
}

const keyOf = ({ kind, metadata }: Built): string =>
  `${metadata.namespace ?? "default"}/${kind}/${metadata.name}`;

async function really(tree: Tree, root: string): Promise<ReadonlyMap<string, unknown>> {
  const here = await mkdtemp(join(folder, "tree-"));
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(here, path)), { recursive: true });
    await writeFile(join(here, path), text);
  }
  const { stdout } = await run("kubectl", ["kustomize", join(here, root)]);
  const objects = parseAllDocuments(stdout, { version: "1.1" }).map((doc) => doc.toJS() as Built);
  return new Map(objects.map((object) => [keyOf(object), withNamespace(object)]));
}

/** Kubernetes gives what has no namespace the default one; so do we. */
function withNamespace(object: Built): Built {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? "default" } };
}

function ours(tree: Tree, scope: string): ReadonlyMap<string, unknown> {
  const files = new Map(Object.entries(tree).map(([path, text]) => [path, readManifest(text, o)]));
  const { workloads } = declareTree({ files, inScope: (path) => path.startsWith(scope), addImages: false });
  const objects = workloads.map(
    (workload) => renderWorkload(workload, tree[workload.path] ?? "", o) as Built,
  );
  return new Map(objects.map((object) => [keyOf(object), object]));
}

const images = [
  "nginx",
  "nginx:1.0",
  "q.io/a/nginx:v1",
  "localhost:5000/web:1",
  `nginx@sha256:${"a".repeat(64)}`,
  `nginx:1@sha256:${"b".repeat(64)}`,
];
const image = fc.constantFrom(...images);
const names = fc.constantFrom("nginx", "q.io/a/nginx", "localhost:5000/web", "web", "q.io/moved");
const entry = fc
  .record({
    name: names,
    newName: fc.option(names, { nil: undefined }),
    newTag: fc.option(fc.constantFrom("v2", "1.10", "7"), { nil: undefined }),
    digest: fc.option(fc.constant(`sha256:${"c".repeat(64)}`), { nil: undefined, freq: 4 }),
  })
  .map((parts) => `- ${JSON.stringify(parts)}`);
const step = fc.record({
  namespace: fc.option(fc.constantFrom("shop", "prod"), { nil: undefined }),
  images: fc.array(entry, { maxLength: 3 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const pods = (name: string, kind: string, [one, two]: readonly string[]): string => {
  const spec = `{containers: [{name: a, image: "${one ?? ""}"}], initContainers: [{name: b, image: '${two ?? ""}'}]}`;
  const template = `{metadata: {labels: {app: ${name}}}, spec: ${spec}}`;
  const body =
    kind === "CronJob"
      ? `{schedule: '* * * * *', jobTemplate: {spec: {template: ${template}}}}`
      : `{selector: {matchLabels: {app: ${name}}}, template: ${template}}`;
  return `apiVersion: ${kind === "CronJob" ? "batch" : "apps"}/v1\nkind: ${kind}\nmetadata: {name: ${name}, annotations: {a: '1.10'}}\nspec: ${body}\n`;
};

const kustomization = (
  made: Step,
  o: { resources?: readonly string[]; components?: readonly string[]; kind?: string },
): string =>
  [
    `apiVersion: kustomize.config.k8s.io/v1${o.kind === "Component" ? "alpha1" : "beta1"}`,
    `kind: ${o.kind ?? "Kustomization"}`,
    ...(made.namespace === undefined ? [] : [`namespace: ${made.namespace}`]),
    `resources: ${JSON.stringify(o.resources ?? [])}`,
    ...(o.components === undefined ? [] : [`components: ${JSON.stringify(o.components)}`]),
    ...(made.images.length === 0 ? [] : ["images:", ...made.images]),
    "",
  ].join("\n");

const tree = fc
  .record({
    kinds: fc.tuple(fc.constantFrom("Deployment", "StatefulSet"), fc.constantFrom("DaemonSet", "CronJob")),
    images: fc.array(image, { minLength: 6, maxLength: 6 }),
    steps: fc.array(step, { minLength: 4, maxLength: 4 }),
  })
  .map(({ kinds, images: drawn, steps }): Tree => {
    const none: Step = { namespace: undefined, images: [] };
    const [base = none, other = none, component = none, top = none] = steps;
    // One namespace for what would otherwise be two objects of one name.
    return {
      "base/kustomization.yaml": kustomization(base, { resources: ["web.yaml", "../other"] }),
      "base/web.yaml": pods("web", kinds[0], drawn.slice(0, 2)),
      "other/kustomization.yml": kustomization(other, { resources: ["api.yaml"] }),
      "other/api.yaml": pods("api", kinds[1], drawn.slice(2, 4)),
      "part/kustomization.yaml": kustomization(component, { resources: ["more.yaml"], kind: "Component" }),
      "part/more.yaml": pods("more", "Deployment", drawn.slice(4, 6)),
      "top/kustomization.yaml": kustomization(top, { resources: ["../base"], components: ["../part"] }),
    };
  });

describe.skipIf(!hasKubectl)("kustomize", () => {
  test("makes of namespaces, images, bases and components what we say it does", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (made) => {
        const real = await really(made, "top");
        expect(Object.fromEntries(ours(made, "top/"))).toEqual(Object.fromEntries(real));
      }),
      { numRuns: 60 },
    );
  });
});
