import { expect, test } from "vitest";
import { manifestSettings } from "./manifest-settings.ts";

const workload = "shop:deployment/web";

test("a values file and a custom kind are written with dots between keys", () => {
  const given = {
    helmValues: [
      {
        path: "charts/*/values.yaml",
        workload,
        images: [{ container: "web", repository: "image.repository", tag: "image.tag" }],
      },
    ],
    customKinds: [
      { group: "argoproj.io", kind: "Rollout", podSpec: "spec.template.spec" },
      { group: "example.com", kind: "Engine", images: [{ container: "run", image: "spec.runs[0].image" }] },
    ],
  };
  expect(manifestSettings.parse(given)).toEqual(given);
  expect(manifestSettings.parse({})).toEqual({});
});

test.each([
  [
    "a workload without its kind",
    { helmValues: [{ path: "v.yaml", workload: "shop/web" }] },
    "namespace:kind/name",
  ],
  [
    "an image both whole and in parts",
    { helmValues: [{ path: "v.yaml", workload, images: [{ container: "a", image: "x", repository: "y" }] }] },
    'either "image" or "repository"',
  ],
  [
    "an image of a tag alone",
    { helmValues: [{ path: "v.yaml", workload, images: [{ container: "a", tag: "x" }] }] },
    'either "image" or "repository"',
  ],
  [
    "a path that is none",
    { customKinds: [{ group: "a.b", kind: "C", podSpec: "spec..x" }] },
    "keys with dots between",
  ],
  ["a kind without a place", { customKinds: [{ group: "a.b", kind: "C" }] }, '"podSpec" or "images"'],
  [
    "a kind in lower case",
    { customKinds: [{ group: "a.b", kind: "c", podSpec: "spec" }] },
    "a kind as spelled",
  ],
  ["a word nobody knows", { helmvalues: [] }, "Unrecognized key"],
])("refuses %s", (...[, given, message]) => {
  const result = manifestSettings.safeParse(given);
  expect(result.success).toBe(false);
  expect(JSON.stringify(result.error?.issues)).toContain(JSON.stringify(message).slice(1, -1));
});
