import { expect, test } from "vitest";

import { aJob, aSucceededJob } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

const slipway = createTyped();

test("jobs are searched by what is typed", async () => {
  const words = ["--image", "web:2", "--label", "build=1", "--label", "team=shop", "--commit", "3fa94c1"];
  const more = [
    "--source-sha",
    "5f2a9c7",
    "--by",
    "anna",
    "--outcome",
    "failed",
    "--kind",
    "sync",
    "--until",
    "2h",
  ];
  const ran = await slipway(["jobs", ...words, ...more]);
  expect(ran.code).toBe(0);
  const query = ran.server.of("listJobs")[0]?.query;
  expect(query?.getAll("label")).toEqual(["build=1", "team=shop"]);
  expect(Object.fromEntries(query ?? [])).toMatchObject({
    image: "web:2",
    commit: "3fa94c1",
    source: "5f2a9c7",
    requestedBy: "anna",
    outcome: "failed",
    kind: "sync",
    until: expect.stringMatching(/^\d{4}-/),
  });
});

test("a release carries its labels and its source", async () => {
  const marks = ["--label", "build=https://ci.example.com/1?a=b", "--source-sha", "5f2a9c7"];
  const ran = await slipway(["release", "front-end", "--latest", "-y", "--no-wait", ...marks]);
  expect(ran.server.of("createRelease").at(-1)?.body).toMatchObject({
    labels: { build: "https://ci.example.com/1?a=b" },
    sourceSha: "5f2a9c7",
  });
});

test.each([[["--label", "build"]], [["--label", "=x"]], [["--label", "a=1", "--label", "a=2"]]])(
  "%j is a mistake",
  async (words) => {
    const ran = await slipway(["release", "front-end", "--latest", ...words]);
    expect(ran.code).toBe(2);
    expect(ran.server.of("createRelease")).toEqual([]);
  },
);

test("a job shows what it was marked with", async () => {
  const marked = { labels: { build: "https://ci.example.com/412" }, sourceSha: "5f2a9c7d0b" };
  const ran = await slipway(["job", aJob().id], { getJob: () => ({ json: aSucceededJob(marked) }) });
  expect(ran.out).toMatch(/build +https:\/\/ci\.example\.com\/412/);
  expect(ran.out).toMatch(/source +5f2a9c7d0b/);
});
