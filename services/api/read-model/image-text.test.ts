import { expect, test } from "vitest";

import type { ImagePage } from "#common/contracts/http.ts";

import { createImagePageText } from "./image-text.ts";

function aPage(tags: readonly string[]): ImagePage {
  const available = tags.map((tag) => ({
    tag,
    digest: null,
    createdAt: "2026-01-05T10:00:00.000Z",
    firstSeenAt: null,
    dateFrom: "config" as const,
    runnable: null,
    movedAt: null,
    running: false,
    eligible: true,
    ineligible: null,
  }));
  const container = { container: 'we"b', image: "web:1", repository: "wéb", filter: null, problem: null };
  const rest = { total: tags.length, next: null, scannedAt: null, ageMs: 3, missing: null };
  const nodes = { platforms: [], problem: "not seen" };
  const age = { clusterMs: 1, gitCommit: null, gitMs: null, gitProblem: null, imagesMs: 2 };
  const workload = { workload: "shop:deployment/web", environment: "default", nodes };
  const images = [
    { ...workload, containers: [{ ...container, ...rest, available }] },
    { ...workload, containers: [] },
  ];
  return { images, age: age as unknown as ImagePage["age"], next: "cursor" };
}

test("is the JSON of the page, the first time and when images are told again", () => {
  const text = createImagePageText();
  const page = aPage(["1", "2 \u2028 \ud800"]);
  expect(JSON.parse(text(page))).toEqual(JSON.parse(JSON.stringify(page)));
  expect(text(page)).toBe(text(page));
  const [first] = page.images;
  const older = { ...page, images: [{ ...first, nodes: { platforms: ["linux/amd64"], problem: null } }] };
  expect(JSON.parse(text(older as ImagePage))).toEqual(JSON.parse(JSON.stringify(older)));
  const none = { ...page, images: [] };
  expect(JSON.parse(text(none))).toEqual(none);
});

test("an image that is told otherwise is another object, and written anew", () => {
  const text = createImagePageText();
  text(aPage(["1"]));
  expect(text(aPage(["2"]))).toContain('"tag":"2"');
});
