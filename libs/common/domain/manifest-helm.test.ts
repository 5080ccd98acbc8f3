import { describe, expect, test } from "vitest";
import { documentAt, editImages, readManifest, revertChanges } from "./manifest.ts";
import { parseDotPath, type ManifestOptions } from "./manifest-options.ts";

const o = { defaultNamespace: "default" };
const sha = `sha256:${"a".repeat(64)}`;
const web = { namespace: "default", kind: "helmrelease", name: "web" };

const release = (values: string, annotations = "", apiVersion = "helm.toolkit.fluxcd.io/v2"): string =>
  `apiVersion: ${apiVersion}\nkind: HelmRelease\nmetadata:\n  name: web\n  annotations:\n    a: b\n${annotations}spec:\n  values:\n${values}`;

const listed = (text: string, options: ManifestOptions = o): readonly string[] =>
  readManifest(text, options).workloads.flatMap(({ id, containers }) =>
    containers.map(
      ({ name, image, line, reason }) =>
        `${id.kind}/${id.name} ${name} ${image} ${line}${reason === undefined ? "" : ` ${reason}`}`,
    ),
  );

/** The text after one image was written, taken back to the byte on the way. */
function written(
  text: string,
  edit: { container: string; image: string },
  options: ManifestOptions = o,
): string {
  const workload = readManifest(text, options).workloads[0]?.id ?? web;
  const result = editImages(text, [{ workload, ...edit }], options);
  if (!result.ok) return result.reason;
  expect(revertChanges(result.text, result.changes, options)).toMatchObject({ ok: true, text, skipped: [] });
  return result.text;
}

describe("the values of a HelmRelease", () => {
  const shapes: readonly (readonly [string, string, string, string])[] = [
    ["one value", "    image: b:1\n", "b:1", "    image: b:2\n"],
    ["image and tag", "    image: b\n    tag: 1.10\n", "b:1.10", '    image: b\n    tag: "2"\n'],
    [
      "registry, image and tag",
      "    registry: q.io\n    image: b\n    tag: 'v1'\n",
      "q.io/b:v1",
      "    registry: q.io\n    image: b\n    tag: '2'\n",
    ],
    [
      "registry and image",
      "    registry: q.io\n    image: b:1\n",
      "b:1",
      "    registry: q.io\n    image: b:2\n",
    ],
    [
      "a map of repository and tag",
      "    image: {repository: b, tag: '1'} # x\n",
      "b:1",
      "    image: {repository: b, tag: '2'} # x\n",
    ],
    [
      "a map with its registry",
      "    image:\n      registry: q.io\n      repository: a/b\n      tag: v1\n",
      "q.io/a/b:v1",
      '    image:\n      registry: q.io\n      repository: a/b\n      tag: "2"\n',
    ],
    ["an empty tag", '    image: {repository: b, tag: ""}\n', "b", '    image: {repository: b, tag: "2"}\n'],
  ];
  test.each(shapes)("holds %s", (...[, values, image, after]) => {
    const text = release(values);
    expect(readManifest(text, o).workloads[0]?.containers).toMatchObject([{ name: "chart-image", image }]);
    const to = image.replace(/:.*$/, "");
    expect(written(text, { container: "chart-image", image: `${to}:2` })).toBe(release(after));
  });
  test("hold a tag and its digest in two values, or in one", () => {
    const two = release(`    image: {repository: b, tag: v1, digest: "${sha}"}\n`);
    const other = sha.replaceAll("a", "b").replace("shb", "sha");
    expect(written(two, { container: "chart-image", image: `b:v2@${other}` })).toBe(
      two.replace("v1", "v2").replace(sha, other),
    );
    const one = release(`    image: {repository: b, tag: "v1@${sha}"}\n`);
    expect(written(one, { container: "chart-image", image: `b:v2@${other}` })).toBe(
      one.replace("v1", "v2").replace(sha, other),
    );
  });
  test("are looked through one level down, keys in order, the top first", () => {
    const values =
      "    web: {image: c:1}\n    image: a:1\n    api:\n      image: {repository: b, tag: '1'}\n    deep: {er: {image: d:1}}\n";
    for (const apiVersion of [
      "helm.fluxcd.io/v1",
      "flux.weave.works/v1beta1",
      "helm.toolkit.fluxcd.io/v2beta1",
    ]) {
      expect(
        listed(release(values, "", apiVersion)).map((line) => line.split(" ").slice(1, 3).join(" ")),
      ).toEqual(["chart-image a:1", "api b:1", "web c:1"]);
    }
    expect(listed(release(values, "", "example.com/v1"))).toEqual([]);
  });
  test("are found by annotation, and no value twice", () => {
    const annotations =
      "    repository.fluxcd.io/app: deep.er.repo\n    tag.fluxcd.io/app: deep.er.version\n    tag.fluxcd.io/none: x\n    repository.fluxcd.io/side: sides[1].image\n";
    const values = "    deep: {er: {repo: b, version: v1}}\n    sides: [{image: x:1}, {image: y:1}]\n";
    expect(listed(release(values, annotations))).toEqual([
      "helmrelease/web app b:v1 13",
      "helmrelease/web side y:1 14",
    ]);
    expect(written(release(values, annotations), { container: "app", image: "b:v2" })).toBe(
      release(values.replace("v1", "v2"), annotations),
    );
  });
  test("refuse what they have no place for", () => {
    const split = release("    image: {repository: b, tag: v1}\n");
    expect(written(split, { container: "chart-image", image: `b@${sha}` })).toBe("parts-do-not-fit");
    expect(written(split, { container: "chart-image", image: `b:v2@${sha}` })).toBe("parts-do-not-fit");
    const hosted = release("    image: {registry: q.io, repository: b, tag: v1}\n");
    expect(written(hosted, { container: "chart-image", image: "other.io/b:v1" })).toBe("parts-do-not-fit");
    const shared = release("    image: {repository: b, tag: &t v1}\n    other: *t\n");
    expect(listed(shared)).toEqual(["helmrelease/web chart-image b:v1 9 shared-anchor"]);
  });
});

describe("a plain values file", () => {
  const workload = { namespace: "shop", kind: "deployment", name: "web" };
  const values = "# values\nimage:\n  repository: nginx\n  tag: '1.26'\nworker: {image: w:1}\n";
  test("says nothing without a mapping", () => {
    expect(listed(values)).toEqual([]);
  });
  test("has the usual shapes with one", () => {
    const mapped = { ...o, values: { workload } };
    expect(listed(values, mapped)).toEqual([
      "deployment/web chart-image nginx:1.26 4",
      "deployment/web worker w:1 5",
    ]);
    expect(written(values, { container: "chart-image", image: "nginx:1.27" }, mapped)).toBe(
      values.replace("1.26", "1.27"),
    );
  });
  test("has the paths of its mapping", () => {
    const images = [
      { container: "app", repository: parseDotPath("image.repository"), tag: parseDotPath("image.tag") },
    ];
    const mapped = { ...o, values: { workload, images } };
    expect(listed(values, mapped)[0]).toBe("deployment/web app nginx:1.26 4");
    expect(written(values, { container: "app", image: "nginx:1.27" }, mapped)).toBe(
      values.replace("1.26", "1.27"),
    );
  });
});

describe("a custom kind", () => {
  const rollout = `apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web, labels: {version: '1'}}\nspec:\n  proxy: p:1\n  template:\n    spec: {containers: [{name: a, image: b:1}]}\n`;
  test("is known by its group and kind, and has pods or images at a path", () => {
    const podSpec = parseDotPath("spec.template.spec");
    const images = [{ container: "proxy", image: parseDotPath("spec.proxy") }];
    const known = { ...o, customKinds: [{ group: "argoproj.io", kind: "Rollout", podSpec, images }] };
    expect(listed(rollout)).toEqual([]);
    expect(listed(rollout, known)).toEqual(["rollout/web a b:1 7", "rollout/web proxy p:1 5"]);
    expect(
      written(rollout.replace("proxy: p:1", "proxy: p:9"), { container: "a", image: "b:2" }, known),
    ).toBe(rollout.replace("proxy: p:1", "proxy: p:9").replace("b:1", "b:2").replace("'1'", "'2'"));
    const id = { namespace: "default", kind: "rollout", name: "web" };
    expect(documentAt(rollout, id, known)).toMatchObject({
      kind: "Rollout",
      metadata: { namespace: "default" },
    });
    const list = `apiVersion: argoproj.io/v1alpha1\nkind: RolloutList\nitems: [{metadata: {name: x}, spec: {template: {spec: {containers: [{name: a, image: b}]}}}}]\n`;
    expect(listed(list, known)).toEqual(["rollout/x a b 3"]);
  });
});

describe("a marker of Flux v2", () => {
  test("makes an image a target where no shape does", () => {
    const text = `apiVersion: example.com/v1
kind: Engine
metadata: {name: e}
spec:
  run: b:1 # {"$imagepolicy": "flux-system:engine"}
  side:
    repository: c
    tag: v1 # {"$imagepolicy": "flux-system:side:tag"}
  named:
    n: d # {"$imagepolicy": "flux-system:named:name"}
    t: v1 # {"$imagepolicy": "flux-system:named:tag"}
  lone: v1 # {"$imagepolicy": "flux-system:lone:tag"}
`;
    expect(listed(text)).toEqual(["engine/e engine b:1 5", "engine/e side c:v1 8", "engine/e named d:v1 11"]);
    expect(written(text, { container: "named", image: "d:v2" })).toBe(text.replace("t: v1", "t: v2"));
    expect(written(text, { container: "engine", image: "b:2" })).toBe(text.replace("b:1", "b:2"));
  });
  test("adds to a workload what is marked outside its containers", () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: a
      image: b:1 # {"$imagepolicy": "flux-system:a"}
      env:
        - {name: SIDECAR, value: z}
        - name: TOOL
          value: "t:1" # {"$imagepolicy": "flux-system:tool"}
`;
    expect(listed(text)).toEqual(["pod/web a b:1 7", "pod/web tool t:1 11"]);
  });
});
