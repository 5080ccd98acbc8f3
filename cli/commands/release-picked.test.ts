import { expect, test } from "vitest";

import { createTyped } from "../testing/typed.ts";

const slipway = createTyped();

test("what is chosen from the list is shown as a diff, confirmed, and released by its full name", async () => {
  const person = { interactive: true, pressed: ["down", "space", "return"], answers: ["y"] };
  const ran = await slipway(["release", "front-end", "--interactive", "-m", "why"], {}, person);
  expect(ran.code).toBe(0);
  expect(ran.err).toContain("+        image: weaveworksdemos/front-end:");
  expect(ran.questions).toEqual(["Release to default? [y/N] "]);
  const body = {
    images: {
      containers: [
        {
          workload: "sock-shop/front-end",
          container: "front-end",
          image: "weaveworksdemos/front-end:latest",
        },
      ],
    },
    message: "why",
  };
  expect(ran.server.of("createRelease").map((asked) => asked.body)).toEqual([
    { ...body, dryRun: true },
    body,
  ]);
});

test("who leaves the list, or says no, releases nothing", async () => {
  const left = await slipway(["release", "--interactive"], {}, { interactive: true, pressed: ["escape"] });
  expect(left).toMatchObject({ code: 5, err: "Nothing was released." });
  expect(left.server.of("createRelease")).toEqual([]);
  const no = await slipway(
    ["release", "--interactive"],
    {},
    { interactive: true, pressed: ["return"], answers: ["n"] },
  );
  expect(no.code).toBe(5);
  expect(no.server.of("createRelease")).toHaveLength(1);
});

test("without a terminal it refuses, and says what to type instead", async () => {
  const ran = await slipway(["release", "front-end", "--interactive"]);
  expect(ran.code).toBe(2);
  expect(ran.err).toContain("needs a terminal");
  expect(ran.err).toContain("slipway release W -i IMAGE");
  const both = await slipway(
    ["release", "front-end", "--interactive", "--latest"],
    {},
    { interactive: true },
  );
  expect(both.code).toBe(2);
});
