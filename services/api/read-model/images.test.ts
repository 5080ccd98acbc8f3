import { expect, test } from "vitest";

import type { Workload } from "#common/contracts/http.ts";
import type { ImageRow } from "#common/store/images.ts";

import { createEligibility } from "./eligibility.ts";
import { imagesOfWorkload, listRepository } from "./images.ts";
import type { ImageFacts, ImagePageAsk, ListedRepository } from "./images.ts";
import { unknownNodes } from "./node-platforms.ts";
import type { NodeFacts } from "./node-platforms.ts";

const digest = `sha256:${"a".repeat(64)}`;
const scannedAt = new Date("2026-01-10T00:00:00Z");
const now = new Date("2026-01-10T00:01:30Z");

function row(tag: string, day: number | undefined, more: Partial<ImageRow> = {}): ImageRow {
  return {
    tag,
    digest: null,
    firstSeenAt: new Date(0),
    movedAt: null,
    kind: "image",
    createdAt: day === undefined ? null : new Date(Date.UTC(2026, 0, day)),
    createdFrom: day === undefined ? null : "config",
    seenAt: null,
    platforms: [],
    labels: {},
    sizeBytes: null,
    ...more,
  };
}

const images = [row("1", 1), row("2", 3, { digest }), row("undated", undefined), row("latest", 2)];

function repository(more: Partial<Parameters<typeof listRepository>[0]> = {}): ListedRepository {
  const rest = { etag: null, wanted_at: null, due_at: null, failures: 0, problem: null };
  const pace = {
    host: "docker.io",
    first_scanned_at: scannedAt,
    changed_at: null,
    asked_at: null,
    automated: false,
    interval_ms: null,
    interval_reason: null,
    claimed_by: null,
    reading: false,
    read_all: false,
    moves_at: null,
    moves_scans: 0,
    moves_after: null,
  };
  return listRepository({
    key: "docker.io/library/web",
    scanned_at: scannedAt,
    complete: true,
    images,
    ...rest,
    ...pace,
    ...more,
  });
}

interface Asked {
  readonly image?: string;
  readonly filter?: string;
  readonly of?: ListedRepository | undefined;
  readonly page?: Partial<ImagePageAsk>;
  readonly nodes?: NodeFacts;
}

function told(asked: Asked = {}) {
  const { image = "web:1", filter, page, nodes = unknownNodes("not read") } = asked;
  const of = "of" in asked ? asked.of : repository();
  const workload = {
    id: "shop:deployment/web",
    environment: "default",
    containers: [{ name: "web", image, declaredImage: null, init: false }],
  } as unknown as Workload;
  const facts: ImageFacts = {
    workload,
    repositories: new Map(of === undefined ? [] : [["docker.io/library/web", of]]),
    problems: new Map(),
    filterOf: () => filter,
    eligibility: createEligibility(),
    nodes,
    rule: { nodes: nodes.platforms },
    now,
    page: { limit: 10, ...page },
  };
  const [container] = imagesOfWorkload(facts).containers;
  if (container === undefined) throw new Error("no container");
  return container;
}

const marks = (image: string) =>
  told({ image }).available.map(({ tag, running }) => (running ? `*${tag}` : tag));

test("newest first, without a date last, the running tag marked however the name is spelled", () => {
  expect(marks("index.docker.io/library/web:1")).toEqual(["2", "latest", "*1", "undated"]);
  expect(marks(`web@${digest}`)).toEqual(["*2", "latest", "1", "undated"]);
  expect(marks("web")).toEqual(["2", "*latest", "1", "undated"]);
  expect(marks("web:gone")).toEqual(["2", "latest", "1", "undated"]);
});

test("the running one is on the first page in any case, and pages follow each other", () => {
  const first = told({ page: { limit: 1 } });
  expect(first.available.map(({ tag }) => tag)).toEqual(["2", "1"]);
  expect(first.total).toBe(4);
  const second = told({ page: { limit: 2, after: first.next ?? "" } });
  expect(second.available.map(({ tag, running }) => [tag, running])).toEqual([
    ["latest", false],
    ["1", true],
  ]);
  const last = told({ page: { limit: 2, after: second.next ?? "" } });
  expect([last.available.map(({ tag }) => tag), last.next]).toEqual([["undated"], null]);
});

test("each image is told with the planner's word on it", () => {
  const words = (asked: Asked) =>
    Object.fromEntries(told(asked).available.map(({ tag, ineligible }) => [tag, ineligible]));
  const all = (word: string | null) => ({ 1: word, 2: word, undated: word, latest: word });
  expect(words({ filter: "*" })).toEqual({
    ...all(null),
    undated: "no-created-time",
    latest: "latest-excluded",
  });
  expect(words({ filter: "semver:>=2" })).toEqual({
    1: "filtered-out",
    2: null,
    undated: "not-a-version",
    latest: "latest-excluded",
  });
  expect(words({ image: "web:1.2.3" })).toEqual(words({ filter: "*" }));
  expect(words({ image: "web:latest" })).toEqual(all("no-policy"));
  expect(words({ filter: "semver:nonsense" })).toEqual(all("filter-invalid"));
});

test("only eligible ones can be asked for; the running one comes beside them", () => {
  const { available, total, filter } = told({ filter: "2*", page: { eligibleOnly: true } });
  expect(available.map(({ tag, eligible }) => [tag, eligible])).toEqual([
    ["2", true],
    ["1", false],
  ]);
  expect([total, filter]).toEqual([1, "2*"]);
});

test("dates tell where they are from, and a tag that moved when it did", () => {
  const movedAt = new Date("2026-01-09T00:00:00Z");
  const of = repository({
    images: [row("1", 1), row("2", 2, { createdFrom: "label", movedAt }), row("3", undefined)],
  });
  expect(told({ of }).available.map(({ dateFrom, movedAt: at }) => [dateFrom, at])).toEqual([
    ["label", "2026-01-09T00:00:00.000Z"],
    ["config", null],
    ["first-seen", null],
  ]);
});

test("an image tells what it was built of, as its labels say", () => {
  const labels = {
    "org.opencontainers.image.revision": "3fa94c1",
    "org.opencontainers.image.source": "https://git.example.com/shop/web",
  };
  const of = repository({ images: [row("1", 1), row("2", 2, { labels })] });
  expect(told({ of }).available.map(({ origin }) => origin)).toEqual([
    { version: null, revision: "3fa94c1", source: "https://git.example.com/shop/web" },
    { version: null, revision: null, source: null },
  ]);
});

test("without a date the time at which it was seen to appear makes an image eligible", () => {
  const seenAt = new Date("2026-01-08T00:00:00Z");
  const of = repository({
    images: [row("1", 1), row("2", undefined, { seenAt, firstSeenAt: seenAt }), row("0", undefined)],
  });
  expect(told({ of, filter: "*" }).available).toMatchObject([
    { tag: "2", createdAt: null, dateFrom: "first-seen", firstSeenAt: seenAt.toISOString(), eligible: true },
    { tag: "1", eligible: true },
    { tag: "0", eligible: false, ineligible: "no-created-time" },
  ]);
});

test("what may be missing is told with its reason, beside what is known and its age", () => {
  const problem = { code: "REGISTRY_UNAVAILABLE", title: "away", detail: "503 from there", hint: null };
  const missing = (asked: Asked) => told(asked).missing?.reason ?? null;
  expect(told()).toMatchObject({ missing: null, ageMs: 90_000, scannedAt: scannedAt.toISOString() });
  expect(missing({ image: "Not An Image" })).toBe("not-an-image");
  expect(missing({ of: undefined })).toBe("not-scanned");
  expect(told({ of: repository({ problem }) })).toMatchObject({
    missing: { reason: "unreadable", detail: "503 from there" },
    total: 4,
    problem,
  });
  expect(missing({ of: repository({ complete: false }) })).toBe("list-cut");
  expect(missing({ of: repository({ images: [row("1", undefined, { kind: null })] }) })).toBe("unread");
});

const onAmd64: NodeFacts = {
  told: { platforms: ["linux/amd64"], problem: null },
  platforms: [{ os: "linux", architecture: "amd64" }],
};

test("what no node can run is marked and not eligible, and the filter's word on it comes first", () => {
  const forArm = { platforms: ["linux/arm64"] };
  const forBoth = { platforms: ["linux/arm64", "linux/amd64"] };
  const of = repository({
    images: [row("1", 1, forBoth), row("2", 2), row("3", 3, forArm), row("odd", 4, forArm)],
  });
  const told3 = (asked: Asked) =>
    told({ of, ...asked }).available.map(({ tag, runnable, ineligible }) => [tag, runnable, ineligible]);
  expect(told3({ nodes: onAmd64, filter: "semver:*" })).toEqual([
    ["odd", false, "not-a-version"],
    ["3", false, "no-node"],
    ["2", null, null],
    ["1", true, null],
  ]);
  expect(told3({ filter: "*" }).map(([, runnable, ineligible]) => [runnable, ineligible])).toEqual(
    Array.from({ length: 4 }, () => [null, null]),
  );
  const eligible = told({ of, nodes: onAmd64, filter: "*", page: { eligibleOnly: true } });
  expect(eligible.available.map(({ tag }) => tag)).toEqual(["2", "1"]);
});

test("where the container's own image is one that no node should run, its platform is told and rules nothing out", () => {
  const of = repository({ images: [row("1", 1, { platforms: ["linux/arm64"] })] });
  expect(told({ of, nodes: onAmd64, filter: "*" }).available).toMatchObject([
    { runnable: false, eligible: true, ineligible: null },
  ]);
});

test("what is no image is not listed", () => {
  const of = repository({ images: [row("1", 1), row("chart", 2, { kind: "artifact" })] });
  expect(told({ of })).toMatchObject({ total: 1, available: [{ tag: "1" }], missing: null });
});

test("an image that cannot be read, or is not known, has no list", () => {
  for (const image of ["Not An Image", "other:1"]) {
    expect(told({ image })).toMatchObject({ image, available: [], scannedAt: null, ageMs: null });
  }
});

test("what was judged once is the same again until the images are others", () => {
  const eligibility = createEligibility();
  const { images: listed } = repository();
  const rule = { nodes: [] };
  const by = { current: { tag: "1.0" }, filter: "2*", rule };
  expect(eligibility(listed, by)).toBe(eligibility(listed, { ...by, current: { tag: "latest" } }));
  expect(eligibility(listed, by)).not.toBe(eligibility(repository().images, by));
  const onNodes = { ...by, rule: { nodes: onAmd64.platforms } };
  const marked = eligibility(listed, onNodes);
  expect(eligibility(listed, { ...onNodes, current: { tag: "2.0" } })).toBe(marked);
  expect(eligibility(listed, { ...onNodes, rule: { nodes: [...onAmd64.platforms] } })).not.toBe(marked);
});
