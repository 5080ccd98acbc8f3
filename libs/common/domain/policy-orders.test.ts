import { describe, expect, test } from "vitest";

import { expandOrder, orderFault, policyHeadline, withLockWords } from "./policy-orders.ts";

const workload = {
  containers: [
    { name: "web", editable: true },
    { name: "side", editable: true },
    { name: "fixed", editable: false },
  ],
  policies: { tags: { side: "semver:^1" } },
};
const expand = (set: Readonly<Record<string, string | null>>, unfiltered = false) =>
  expandOrder(set, workload, { unfiltered });

describe("an order", () => {
  test("for all containers leaves those that it names, and takes filters away by glob:*", () => {
    expect(expand({ tag_all: "newest", "tag.web": "glob:1.*" })).toEqual({
      ok: true,
      changes: { "tag.web": "glob:1.*", "tag.side": "newest", "tag.fixed": "newest" },
    });
    const none = { "tag.web": null, "tag.side": null, "tag.fixed": null };
    expect(expand({ tag_all: "glob:*" })).toEqual({ ok: true, changes: none });
    expect(expand({ tag_all: null })).toEqual({ ok: true, changes: none });
  });

  test("to automate needs a filter for each container that can be moved", () => {
    const refused = {
      ok: false,
      fault: 'web has no tag filter to be automated by; set tag.web, or tag_all to "newest"',
    };
    expect(expand({ automated: "true" })).toEqual(refused);
    expect(expand({ automated: "true", "tag.web": null })).toEqual(refused);
    expect(expand({ automated: "true", "tag.web": "newest" })).toMatchObject({ ok: true });
    expect(expand({ automated: "true", tag_all: "newest" })).toMatchObject({ ok: true });
    expect(expand({ automated: "true" }, true)).toEqual({ ok: true, changes: { automated: "true" } });
    expect(expand({ automated: null })).toMatchObject({ ok: true });
  });

  test.each([
    [{ lokced: "true" }, "did you mean locked?"],
    [{ automated: "yes" }, 'automated is "true" or "false"'],
    [{ tag_all: "semver:nonsense" }, "not a version range"],
    [{ "tag.wbe": "newest" }, "there is no container wbe; there is web, side, fixed"],
    [{ min_age: "soon" }, "min_age is a duration"],
  ])("%j is refused", (set, why) => {
    expect(expand(set as Record<string, string>)).toMatchObject({
      ok: false,
      fault: expect.stringContaining(why),
    });
  });

  test("may take the filter of a container away that is gone", () => {
    expect(expand({ "tag.gone": null })).toEqual({ ok: true, changes: { "tag.gone": null } });
    expect(orderFault({ "tag.gone": null })).toBeUndefined();
  });
});

describe("a lock", () => {
  const by = { user: "ada", message: "audit" };
  test("says who set it and why", () => {
    expect(withLockWords({ locked: "true" }, by)).toEqual({
      locked: "true",
      locked_user: "ada",
      locked_msg: "audit",
    });
    expect(withLockWords({ locked: "true" }, { user: "ada", message: undefined })).toMatchObject({
      locked_msg: null,
    });
  });
  test("keeps words that were given with it", () => {
    expect(withLockWords({ locked: "true", locked_user: "bob", locked_msg: "why" }, by)).toEqual({
      locked: "true",
      locked_user: "bob",
      locked_msg: "why",
    });
  });
  test("takes its words with it when it goes", () => {
    expect(withLockWords({ locked: null }, by)).toEqual({
      locked: null,
      locked_user: null,
      locked_msg: null,
    });
    expect(withLockWords({ automated: "true" }, by)).toEqual({ automated: "true" });
  });
});

test.each([
  [{ locked: "true", locked_user: "ada" }, "Lock shop/a"],
  [{ locked: null, locked_msg: null }, "Unlock shop/a"],
  [{ automated: "true", "tag.web": "newest" }, "Automate shop/a"],
  [{ automated: null }, "Deautomate shop/a"],
  [{ automated: "true", locked: null }, "Update policies of shop/a"],
  [{ "tag.web": "newest" }, "Update policies of shop/a"],
])("%j is called %s", (set, headline) => {
  expect(policyHeadline([{ workload: "shop:deployment/a", set }])).toBe(headline);
});

test("many workloads are counted", () => {
  const orders = ["a", "b", "c", "d", "e", "f"].map((name) => ({
    workload: `s/${name}`,
    set: { locked: "true" },
  }));
  expect(policyHeadline(orders)).toBe("Lock s/a, s/b, s/c, s/d and 2 more");
  expect(policyHeadline([...orders.slice(0, 1), { workload: "s/b", set: { locked: null } }])).toBe(
    "Update policies of s/a, s/b",
  );
});
