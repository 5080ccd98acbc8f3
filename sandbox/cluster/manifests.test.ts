import { expect, test } from "vitest";

import { at } from "./json.ts";
import { applyManifests } from "./manifests.ts";
import { createRig } from "./rig.ts";

const manifest = (image: string, extra = "") => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: shop }
data: { a: "1" }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: ${image}
          ${extra}
`;

test("objects are made as kubectl makes them: its manager, its annotation", () => {
  const rig = createRig({ controllers: false });
  applyManifests(rig, manifest("web:1"));
  const object = rig.get("Deployment", "web");
  expect(object?.metadata.managedFields).toMatchObject([
    { manager: "kubectl-client-side-apply", operation: "Update" },
  ]);
  const last: unknown = JSON.parse(
    object?.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"] ?? "",
  );
  expect(last).toMatchObject({ kind: "Deployment", metadata: { name: "web", namespace: "shop" } });
  expect(rig.get("ConfigMap", "settings")).toMatchObject({ data: { a: "1" } });
});

test("applied again, the document changes what it says and removes what it no longer says", () => {
  const rig = createRig({ controllers: false });
  applyManifests(rig, manifest("web:1", 'env: [{ name: A, value: "1" }, { name: B, value: "2" }]'));
  applyManifests(rig, manifest("web:2", 'env: [{ name: B, value: "3" }]'));
  const containers = at(rig.get("Deployment", "web")?.spec, "template", "spec", "containers");
  expect(containers).toMatchObject([{ image: "web:2", env: [{ name: "B", value: "3" }] }]);
});

test("a missing namespace is refused, as is a kind nobody knows", () => {
  const rig = createRig({ controllers: false });
  expect(() => applyManifests(rig, manifest("web:1").replaceAll("shop", "absent"))).toThrow(
    '"absent" not found',
  );
  expect(() => applyManifests(rig, "apiVersion: x/v1\nkind: Widget\nmetadata: { name: a }")).toThrow(
    "no matches for kind Widget",
  );
});
