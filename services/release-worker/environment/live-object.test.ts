import { describe, expect, test } from "vitest";

import { appliedAnnotations, appliedBy, isCommittedDocument, type LiveObject } from "./live-object.ts";

const live = (annotations?: Record<string, string>): LiveObject => ({
  metadata: {
    name: "web",
    uid: "u",
    resourceVersion: "1",
    ...(annotations === undefined ? {} : { annotations }),
  },
});

describe("who applied an object last", () => {
  const by = { environment: "default", commit: "3fa94c1", job: "0193a5c2" };
  test("is read back as it was written", () => {
    expect(appliedBy(live({ ...appliedAnnotations(by), other: "x" }))).toEqual(by);
  });
  test.each([
    ["without annotations", undefined],
    ["with others", { "kubectl.kubernetes.io/restartedAt": "now" }],
    ["with a part of ours", { "applied.slipway.dev/environment": "default", "applied.slipway.dev/job": "1" }],
  ])("is not us %s", (_, annotations) => {
    expect(appliedBy(live(annotations))).toBeUndefined();
  });
});

describe("a committed document", () => {
  test("has version, kind and name", () => {
    expect(
      isCommittedDocument({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" } }),
    ).toBe(true);
  });
  test.each([
    undefined,
    null,
    "text",
    [],
    {},
    { apiVersion: "v1", kind: "Pod" },
    { apiVersion: "v1", kind: "Pod", metadata: null },
    { apiVersion: "v1", kind: "Pod", metadata: { name: 7 } },
    { apiVersion: 1, kind: "Pod", metadata: { name: "web" } },
    { apiVersion: "v1", metadata: { name: "web" } },
  ])("is not %j", (value) => {
    expect(isCommittedDocument(value)).toBe(false);
  });
});
