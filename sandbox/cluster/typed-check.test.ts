import { expect, test } from "vitest";

import { withAt, type Json } from "./json.ts";
import { aDeployment } from "./rig.ts";
import { loadSchema } from "./schema.ts";
import { objectType } from "./structured.ts";
import { schemaFault } from "./typed-check.ts";

const schema = loadSchema();
const container = ["spec", "template", "spec", "containers"];

function faultWith(path: readonly string[], value: Json): string | undefined {
  return schemaFault(schema, objectType(schema, "Deployment"), withAt(aDeployment("web:1"), path, value));
}

function faultIn(fields: { readonly [key: string]: Json }): string | undefined {
  return faultWith(container, [{ name: "c", ...fields }]);
}

// The texts are those of a real API server of version 1.35.
test.each([
  ["an unknown field", faultWith(["spec", "replicass"], 2), ".spec.replicass: field not declared in schema"],
  ["an unknown field at the top", faultWith(["spek"], {}), ".spek: field not declared in schema"],
  [
    "an unknown field of a container",
    faultIn({ argz: [] }),
    '.spec.template.spec.containers[name="c"].argz: field not declared in schema',
  ],
  [
    "a text for a number",
    faultWith(["spec", "replicas"], "two"),
    ".spec.replicas: expected numeric (int or float), got string",
  ],
  ["a fraction for an integer", faultWith(["spec", "replicas"], 2.5), "cannot convert float64 to int32"],
  [
    "a text for a truth value",
    faultWith(["spec", "paused"], "yes"),
    ".spec.paused: expected boolean, got &{yes}",
  ],
  ["a text for an object", faultWith(["spec"], "x"), ".spec: expected map, got &{x}"],
  [
    "an object for a list",
    faultWith(container, { a: 1 }),
    ".spec.template.spec.containers: expected list, got &{map[a:1]}",
  ],
  [
    "a number for the value of a variable",
    faultIn({ env: [{ name: "A", value: 1 }] }),
    '.spec.template.spec.containers[name="c"].env[name="A"].value: expected string, got &value.valueUnstructured{Value:1}',
  ],
  [
    "a number for an annotation",
    faultWith(["metadata", "annotations"], { a: 5 }),
    ".metadata.annotations.a: expected string, got &value.valueUnstructured{Value:5}",
  ],
  [
    "two items with one key",
    faultIn({ env: [{ name: "A" }, { name: "A" }] }),
    '.spec.template.spec.containers[name="c"].env: duplicate entries for key [name="A"]',
  ],
])("%s is told as the real server tells it", (_, fault, expected) => {
  expect(fault).toBe(expected);
});

test("a document that fits has no fault, quantities as numbers or texts", () => {
  const fault = faultIn({ resources: { limits: { cpu: 1, memory: "1Gi" } }, ports: [{ containerPort: 80 }] });
  expect(fault).toBeUndefined();
});
