import { afterEach, expect, test } from "vitest";

import type { WorkloadImages } from "#common/contracts/http.ts";

import { runCli } from "../program.ts";
import { startFakeApi } from "../testing/fake-api.ts";
import type { FakeApi, Routes } from "../testing/fake-api.ts";
import { createFakeIo } from "../testing/run.ts";
import { freshAge, frontEndImages } from "../testing/seed.ts";

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

async function slipway(args: readonly string[], routes: Routes = {}) {
  await api?.close();
  api = await startFakeApi(routes);
  const io = createFakeIo(args, { env: { SLIPWAY_URL: api.url, SLIPWAY_TOKEN: "t" } });
  const code = await runCli(io);
  return { code, out: io.outLines.join("\n"), err: io.errLines.join("\n"), server: api };
}

function withImages(
  change: (
    images: WorkloadImages["containers"][number]["available"],
  ) => WorkloadImages["containers"][number]["available"],
) {
  const all = frontEndImages();
  const containers = all.containers.map((one) => ({
    ...one,
    filter: "semver:>=0.2",
    available: change(one.available),
  }));
  return { ...all, containers };
}

test("without a name many workloads come in one answer, page by page", async () => {
  const listAllImages: Routes["listAllImages"] = ({ count }) => ({
    json: {
      images: [{ ...frontEndImages(), workload: `sock-shop:deployment/web-${count}` }],
      age: freshAge,
      next: count < 3 ? `page-${count}` : null,
    },
  });
  const ran = await slipway(["images", "-n", "sock-shop", "-l", "2"], { listAllImages });
  expect(ran.code).toBe(0);
  for (const name of ["web-1", "web-2", "web-3"]) expect(ran.out).toContain(name);
  expect(ran.server.of("listImages")).toEqual([]);
  expect(ran.server.of("listWorkloads")).toEqual([]);
  const asked = ran.server.of("listAllImages").map(({ query }) => Object.fromEntries(query));
  expect(asked).toEqual([
    { namespace: "sock-shop", images: "2", limit: "2000" },
    { namespace: "sock-shop", images: "2", limit: "2000", cursor: "page-1" },
    { namespace: "sock-shop", images: "2", limit: "2000", cursor: "page-2" },
  ]);
});

test("every image, and a fresh answer, are asked for workload by workload", async () => {
  for (const args of [["-l", "0"], ["--refresh"], ["-l", "500"]]) {
    const ran = await slipway(["images", ...args]);
    expect(ran.code).toBe(0);
    expect(ran.server.of("listAllImages")).toEqual([]);
    expect(ran.server.of("listImages")).toHaveLength(4);
  }
});

test("one container can be asked for; one that nobody has is a mistake", async () => {
  const one = await slipway(["images", "front-end", "-c", "front-end"]);
  expect(one.server.of("listImages")[0]?.query.get("container")).toBe("front-end");
  const many = await slipway(["images", "-c", "sidecar"]);
  expect(many.out).not.toContain("front-end");
  const none = { listImages: () => ({ json: { ...frontEndImages(), containers: [] } }) };
  const ran = await slipway(["images", "front-end", "-c", "sidecar"], none);
  expect(ran.code).toBe(2);
  expect(ran.err).toContain("front-end");
});

test("a tag that moved is marked, and wide tells why an image is not eligible", async () => {
  const images = withImages((all) =>
    all.map((image) => ({
      ...image,
      digest: `sha256:${"ab".repeat(32)}`,
      movedAt: image.tag === "snapshot" ? "2016-11-19T10:00:00Z" : null,
      ...(image.tag === "snapshot" && { eligible: false, ineligible: "not-a-version" as const }),
      ...(image.tag === "0.2.0" && { dateFrom: "label" as const }),
    })),
  );
  const routes: Routes = { listImages: () => ({ json: images }) };
  const table = await slipway(["images", "front-end", "-l", "3"], routes);
  expect(table.out).toContain("|   snapshot (moved) ");
  expect(table.out).not.toContain("eligible");
  const wide = await slipway(["images", "front-end", "-l", "3", "-o", "wide"], routes);
  const line = (text: string) => wide.out.split("\n").find((one) => one.includes(text));
  expect(wide.out.split("\n")[0]).toMatch(/CREATED +DIGEST +PLATFORMS +NOTE$/);
  expect(line("|   latest")).toMatch(
    /abababababab +linux\/amd64 +not eligible: latest is only another name$/,
  );
  expect(line("snapshot")).toMatch(/not eligible: its tag is no version; moved 19 Nov 16 10:00 UTC$/);
  expect(line("0.2.0")).toMatch(/date from its label$/);
});

test("wide tells what an image was built of, and every field is in JSON", async () => {
  const origin = {
    version: "0.2.0-rc1",
    revision: "ab".repeat(20),
    source: "https://git.example.com/shop/front-end",
  };
  const images = withImages((all) =>
    all.map((image) => (image.tag === "0.2.0" ? { ...image, origin } : image)),
  );
  const routes: Routes = { listImages: () => ({ json: images }) };
  const wide = await slipway(["images", "front-end", "-l", "3", "-o", "wide"], routes);
  expect(wide.out).toMatch(
    /0\.2\.0 .*version 0\.2\.0-rc1; revision abababa; source https:\/\/git\.example\.com\/shop\/front-end$/m,
  );
  const json = await slipway(["images", "front-end", "-o", "json"], routes);
  expect(json.out).toContain("ab".repeat(20));
});

test("what no node can run is marked, wide says what they are, or why that is not known", async () => {
  const images = withImages((all) =>
    all.map((image) => ({
      ...image,
      ...(image.tag === "snapshot" && {
        platforms: ["linux/arm64"],
        runnable: false,
        eligible: false,
        ineligible: "no-node" as const,
      }),
    })),
  );
  const routes: Routes = { listImages: () => ({ json: images }) };
  const narrow = await slipway(["images", "front-end"], routes);
  expect(narrow.out).toMatch(/\| {3}snapshot \(no node runs it\) +18 Nov 16/);
  const wide = await slipway(["images", "front-end", "-o", "wide"], routes);
  expect(wide.out).toMatch(/linux\/arm64 +not eligible: no node can run it, they are linux\/amd64$/m);
  expect(wide.err).toBe("");
  const json = await slipway(["images", "front-end", "-o", "json"], routes);
  const [told] = (JSON.parse(json.out) as { images: (typeof images)[] }).images;
  expect(told?.containers[0]?.available.find(({ tag }) => tag === "snapshot")).toMatchObject({
    runnable: false,
    ineligible: "no-node",
  });
  const nodes = { platforms: [], problem: "nodes cannot be watched" };
  const blind = { listImages: () => ({ json: { ...frontEndImages(), nodes } }) };
  expect((await slipway(["images", "front-end"], blind)).err).toBe("");
  expect((await slipway(["images", "front-end", "-o", "wide"], blind)).err).toBe(
    "which images a node can run is not known: nodes cannot be watched",
  );
});

test("a release can wait for an image that is named, for an hour at most, and is not asked about", async () => {
  const image = ["-i", "weaveworksdemos/front-end:0.3.1"];
  const ran = await slipway(["release", "front-end", ...image, "--wait-for-image", "10m", "--no-wait"]);
  expect(ran.code).toBe(0);
  expect(ran.server.of("createRelease").map(({ body }) => body)).toMatchObject([
    { waitForImageSeconds: 600 },
  ]);
  const latest = await slipway(["release", "front-end", "--latest", "--wait-for-image", "10m"]);
  expect([latest.code, latest.server.of("createRelease")]).toEqual([2, []]);
  expect((await slipway(["release", "front-end", ...image, "--wait-for-image", "61m"])).code).toBe(2);
});
