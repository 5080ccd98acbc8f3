import { describe, expect, test } from "vitest";

import { aRepository, type RepositoryFacts } from "#common/testing/repository.ts";

import { SlipwayError } from "./errors.ts";
import { headlineOf, planRelease, type ReleasePlan } from "./plan.ts";

const image = "weaveworksdemos/front-end";
const shop = aRepository()
  .declaring("sock-shop/front-end", `${image}:0.2.0`)
  .declaring("sock-shop/cart", "weaveworksdemos/cart:0.3.0")
  .withImages(image, "0.1.0", "0.2.0", "0.3.0")
  .withImages("weaveworksdemos/cart", "0.3.0");

const planned = (repository: RepositoryFacts): ReleasePlan => planRelease(repository.facts);

function refusal(facts: RepositoryFacts): SlipwayError {
  try {
    planned(facts);
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  throw new Error("the request was not refused");
}

describe("a workload that is named", () => {
  test("but is nowhere is not found; one of that name elsewhere is proposed once", () => {
    const facts = shop.declaring("other/cart", "cart:1").running("sock-shop/cart", "other/cart");
    expect(refusal(facts.releasing("shop/cart"))).toMatchObject({
      code: "WORKLOAD_NOT_FOUND",
      detail: '"shop/cart" is neither declared in git nor running',
      hint: "did you mean sock-shop/cart or other/cart?",
    });
    expect(refusal(facts.releasing("sock-shop/carts")).hint).toBe(
      "slipway list-services -a shows what there is",
    );
  });
  test("is not found either when another is", () => {
    expect(refusal(shop.releasing(["sock-shop/cart", "sock-shop/carts"])).code).toBe("WORKLOAD_NOT_FOUND");
  });
  test("but only runs is not declared, and the cure is told", () => {
    expect(refusal(shop.running("sock-shop/stray").releasing("sock-shop/stray"))).toMatchObject({
      code: "WORKLOAD_NOT_DECLARED",
      hint: expect.stringContaining("commit its manifest"),
    });
  });
  test("but only runs is told beside the others, which go on", () => {
    const facts = shop.running("sock-shop/stray", "sock-shop/front-end");
    const plan = planned(facts.releasing(["sock-shop/front-end", "sock-shop/stray"]));
    expect(plan.changes).toHaveLength(1);
    expect(plan.skips).toEqual([
      {
        kind: "skip",
        workload: "sock-shop/stray",
        container: "",
        path: undefined,
        from: "",
        reason: "not-declared",
      },
    ]);
  });
  test("by a name of two kinds is ambiguous, and the candidates are told", () => {
    const facts = shop.declaring("sock-shop:statefulset/cart", "weaveworksdemos/cart:0.3.0");
    const candidates = ["sock-shop:deployment/cart", "sock-shop:statefulset/cart"];
    expect(refusal(facts.releasing("sock-shop/cart"))).toMatchObject({
      code: "WORKLOAD_AMBIGUOUS",
      facts: { candidates },
      hint: `name one of them: ${candidates.join(", ")}`,
    });
    expect(planned(facts.releasing(candidates[1] ?? "")).skips).toHaveLength(1);
  });
  test("by something that is no name is refused", () => {
    expect(refusal(shop.releasing("sock-shop:front-end")).code).toBe("WORKLOAD_ID_INVALID");
  });
});

describe("the headline", () => {
  const ask = (workloads: readonly string[], refs: readonly string[] = []) =>
    headlineOf({ ...shop.facts.ask, all: workloads.length === 0, workloads, images: { exact: refs } });
  test("says what goes where", () => {
    expect(planned(shop.releasing("sock-shop/front-end")).headline).toBe(
      "Release latest images to sock-shop/front-end",
    );
    expect(ask([])).toBe("Release latest images to all services");
    expect(ask(["ns:deployment/a", "ns/b"], ["a:1", "b:2"])).toBe("Release a:1, b:2 to ns/a, ns/b");
  });
  test("names five workloads, and of more only four", () => {
    const names = ["ns/a", "ns/b", "ns/c", "ns/d", "ns/e"];
    expect(ask(names)).toBe("Release latest images to ns/a, ns/b, ns/c, ns/d, ns/e");
    expect(ask([...names, "ns/f"])).toBe("Release latest images to ns/a, ns/b, ns/c, ns/d and 2 more");
  });
});
