import { expect, test } from "vitest";

import { framesOf, problem } from "../testing/fake-api.ts";
import type { Routes } from "../testing/fake-api.ts";
import { aJob } from "../testing/seed.ts";
import { createTyped } from "../testing/typed.ts";

const slipway = createTyped();

const refused: Routes = {
  createRelease: () => problem(404, "IMAGE_NOT_FOUND", { hint: "list-images shows them" }),
};
const tried = async (image: string) =>
  await slipway(["release", "front-end", "-i", image, "--dry-run"], refused);

test("an image that nobody pushed is answered with the tag, or the repository, that was meant", async () => {
  const tag = await tried("weaveworksdemos/front-end:0.2.1");
  expect(tag.code).toBe(2);
  expect(tag.err).toContain("did you mean weaveworksdemos/front-end:0.2.0?");
  expect((await tried("weavework/front-end:0.2.0")).err).toContain(
    "did you mean weaveworksdemos/front-end:0.2.0?",
  );
  expect((await tried("docker.io/weaveworksdemos/front-end:7f511af2")).err).toContain(
    "did you mean weaveworksdemos/front-end:7f511af2d21f",
  );
  const far = await tried("weaveworksdemos/front-end:something-else-entirely");
  expect(far.err).toContain("list-images shows them");
  expect(far.err).not.toContain("did you mean");
});

test("a job that failed for it says the same", async () => {
  const error = { code: "IMAGE_NOT_FOUND", title: "The image does not exist", detail: null, hint: null };
  const failed = aJob({ phase: "failed", outcome: "failed", error });
  const ran = await slipway(["release", "front-end", "-i", "weaveworksdemos/front-end:0.2.1"], {
    followJob: () => ({ events: framesOf([], failed) }),
  });
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("did you mean weaveworksdemos/front-end:0.2.0?");
});

test("where the lists cannot be had, the error stays what it was", async () => {
  const ran = await slipway(["release", "front-end", "-i", "weaveworksdemos/front-end:0.2.1", "--dry-run"], {
    ...refused,
    listImages: () => problem(403, "FORBIDDEN"),
  });
  expect(ran.code).toBe(2);
  expect(ran.err).toContain("IMAGE_NOT_FOUND");
  expect(ran.err).toContain("list-images shows them");
});
