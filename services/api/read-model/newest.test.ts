import { expect, test } from "vitest";

import type { KnownImage } from "#common/domain/tag-filter.ts";

import { newestOf } from "./newest.ts";

const day = (n: number): Date => new Date(Date.UTC(2026, 0, n));
const dayMs = 24 * 60 * 60 * 1000;
const digest = `sha256:${"a".repeat(64)}`;

function ask(
  image: string,
  images: readonly KnownImage[] | undefined,
  o: { filter?: string; scanned?: boolean; unreadable?: boolean } = {},
) {
  const { filter, scanned = true, unreadable = false } = o;
  const entries = new Map(
    images && [
      [
        "docker.io/library/web",
        { scanned, unreadable, images: images.map((image) => ({ ...image, firstSeenAt: new Date(0) })) },
      ],
    ],
  );
  return newestOf({ image, filter, entries });
}

const dated: readonly KnownImage[] = [
  { tag: "main-1", createdAt: day(1) },
  { tag: "main-2", createdAt: day(4), digest },
  { tag: "main-3", createdAt: day(9) },
  { tag: "latest", createdAt: day(9) },
];

test("tells the newest, how many are newer than the own image, and by how long", () => {
  expect(ask("web:main-1", dated)).toEqual({
    newest: { tag: "main-3", createdAt: "2026-01-09T00:00:00.000Z", behind: 2, behindMs: 8 * dayMs },
    newestReason: null,
  });
  expect(ask("web:main-3", dated).newest).toMatchObject({ behind: 0, behindMs: 0 });
});

test("a version filter ranks by version, whatever the dates say", () => {
  const versions = [
    { tag: "1.0.0", createdAt: day(1) },
    { tag: "1.2.0", createdAt: day(2) },
    { tag: "1.1.9", createdAt: day(9) },
  ];
  const { newest } = ask("web:1.0.0", versions, { filter: "semver:~1" });
  expect(newest).toMatchObject({ tag: "1.2.0", behind: 2, behindMs: dayMs });
});

test("finds a bare digest's place by the digest", () => {
  expect(ask(`web@${digest}`, dated, { filter: "main-*" }).newest).toMatchObject({
    tag: "main-3",
    behind: 1,
  });
});

test("an own image outside the filter is compared by date, one that is gone with all", () => {
  const filter = "main-*";
  const images = [...dated, { tag: "feature", createdAt: day(5) }];
  expect(ask("web:feature", images, { filter }).newest).toMatchObject({ tag: "main-3", behind: 1 });
  expect(ask("web:gone", images, { filter }).newest).toMatchObject({ behind: 3, behindMs: null });
});

test("says why there is none", () => {
  expect(ask("Not An Image", dated).newestReason).toBe("not-an-image");
  expect(ask("web", dated).newestReason).toBe("no-policy");
  expect(ask("web:latest", dated).newestReason).toBe("no-policy");
  expect(ask("web:main-1", undefined).newestReason).toBe("not-scanned");
  expect(ask("web:main-1", [], { scanned: false }).newestReason).toBe("not-scanned");
  expect(ask("web:main-1", [], { scanned: false, unreadable: true }).newestReason).toBe("unreadable");
  expect(ask("web:main-1", []).newestReason).toBe("no-eligible");
  expect(ask("web:main-1", dated, { filter: "release-*" }).newestReason).toBe("no-eligible");
  expect(ask("web:main-1", dated, { filter: "semver:nonsense" }).newestReason).toBe("no-eligible");
  expect(ask("web:a", [{ tag: "a" }, { tag: "b" }]).newestReason).toBe("no-eligible");
});
