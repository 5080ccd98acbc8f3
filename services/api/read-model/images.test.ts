import { expect, test } from "vitest";

import type { Workload } from "#common/contracts/http.ts";
import type { ImageRow } from "#common/store/images.ts";

import { imagesOfWorkload, toListed } from "./images.ts";
import type { ListedRepository } from "./images.ts";

const digest = `sha256:${"a".repeat(64)}`;

function row(tag: string, day: number | undefined, of?: string): ImageRow {
  return {
    tag,
    digest: of ?? null,
    firstSeenAt: new Date(0),
    movedAt: null,
    kind: null,
    createdAt: day === undefined ? null : new Date(Date.UTC(2026, 0, day)),
    createdFrom: null,
    platforms: [],
    labels: {},
    sizeBytes: null,
  };
}

function repository(...images: ImageRow[]): ReadonlyMap<string, ListedRepository> {
  return new Map([["docker.io/library/web", toListed({ images, scannedAt: new Date(0), problem: null })]]);
}

function asked(image: string) {
  const workload = {
    id: "shop:deployment/web",
    environment: "default",
    containers: [{ name: "web", image, declaredImage: null, init: false }],
  } as unknown as Workload;
  const repositories = repository(
    row("1", 1),
    row("2", 3, digest),
    row("undated", undefined),
    row("latest", 2),
  );
  return { workload, repositories, problems: new Map(), container: undefined, limit: 10 };
}

const marks = (image: string) =>
  imagesOfWorkload(asked(image)).containers[0]?.available.map(({ tag, running }) =>
    running ? `*${tag}` : tag,
  );

test("newest first, without a date last, the running tag marked however the name is spelled", () => {
  expect(marks("index.docker.io/library/web:1")).toEqual(["2", "latest", "*1", "undated"]);
  expect(marks(`web@${digest}`)).toEqual(["*2", "latest", "1", "undated"]);
  expect(marks("web")).toEqual(["2", "*latest", "1", "undated"]);
  expect(marks("web:gone")).toEqual(["2", "latest", "1", "undated"]);
});

test("cuts at the limit, but keeps the running one and the total", () => {
  const [web] = imagesOfWorkload({ ...asked("web:1"), limit: 1 }).containers;
  expect(web?.available.map(({ tag }) => tag)).toEqual(["2", "1"]);
  expect(web?.total).toBe(4);
});

test("an image that cannot be read, or is not known, has no list", () => {
  for (const image of ["Not An Image", "other:1"]) {
    expect(imagesOfWorkload(asked(image)).containers).toMatchObject([
      { image, available: [], scannedAt: null },
    ]);
  }
});
