import { expect, test } from "vitest";

import { resolveWorkload } from "./resolve.ts";
import { aWorkload, sockShop } from "./testing/seed.ts";

const twice = [
  ...sockShop,
  aWorkload("front-end", "x:1", { namespace: "staging" }),
  aWorkload("cart", "x:1", { kind: "cronjob", id: "sock-shop:cronjob/cart" }),
];

function idOf(text: string, o: { namespace?: string } = {}): string | undefined {
  const found = resolveWorkload(text, twice, o);
  return found.kind === "found" ? found.workload.id : undefined;
}

test("a bare name is enough where only one workload has it", () => {
  expect(idOf("catalogue")).toBe("sock-shop:deployment/catalogue");
});

test("longer forms, short kinds and kubectl's habit are understood", () => {
  expect(idOf("staging/front-end")).toBe("staging:deployment/front-end");
  expect(idOf("sock-shop:deploy/cart")).toBe("sock-shop:deployment/cart");
  expect(idOf("deployment/cart")).toBe("sock-shop:deployment/cart");
  expect(idOf("front-end", { namespace: "staging" })).toBe("staging:deployment/front-end");
});

test("a name of several workloads lists them", () => {
  expect(resolveWorkload("front-end", twice)).toEqual({
    kind: "several",
    candidates: ["sock-shop:deployment/front-end", "staging:deployment/front-end"],
  });
  expect(resolveWorkload("sock-shop/cart", twice)).toMatchObject({ kind: "several" });
});

test("a name of none offers what is near", () => {
  const near = (text: string) => {
    const found = resolveWorkload(text, sockShop);
    return found.kind === "none" ? found.near : undefined;
  };
  expect(near("frontend")).toEqual(["sock-shop/front-end"]);
  expect(near("sock-shop/catalog")?.[0]).toBe("sock-shop/catalogue");
  expect(near("shop/cart")?.[0]).toBe("sock-shop/cart");
  expect(near("zzzzzzzz")).toEqual([]);
  expect(near("::::")).toEqual([]);
});
