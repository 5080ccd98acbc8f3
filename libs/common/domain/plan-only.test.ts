import { expect, test } from "vitest";

import { narrowed } from "./plan-only.ts";

const workload = { id: { namespace: "shop", kind: "deployment", name: "web" } };
const cases = [
  { workload, container: { name: "app", image: "app:1" } },
  { workload, container: { name: "side", image: "side:1" } },
];
const id = "shop:deployment/web";

test("each chosen container gets its own image, and the others are left out", () => {
  const containers = [{ workload: id, container: "app", image: "app:2", from: "app:1" }];
  const [one, ...rest] = narrowed(cases, { containers, skipChanged: false });
  expect(rest).toEqual([]);
  expect(one).toMatchObject({ container: { name: "app" }, exact: [{ tag: "2" }], changedFrom: undefined });
});

test("what git declares otherwise by now fails the release, or is left alone where that was asked for", () => {
  const containers = [{ workload: id, container: "app", image: "app:2", from: "app:0" }];
  expect(() => narrowed(cases, { containers, skipChanged: false })).toThrow(/app:1, not as app:0/);
  expect(narrowed(cases, { containers, skipChanged: true })).toMatchObject([{ changedFrom: "app:0" }]);
});

test("a container that is not declared is no reason for silence", () => {
  const containers = [{ workload: id, container: "none", image: "app:2" }];
  expect(() => narrowed(cases, { containers, skipChanged: true })).toThrow(/no container "none"/);
});
