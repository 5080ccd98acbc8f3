import { describe, expect, test } from "vitest";

import type { JobPhase } from "#common/domain/job.ts";

import { previousImage } from "./recall-images.ts";

const at = { workload: "shop:deployment/web", container: "web" };

/** A job that wrote web:`from` to web:`to`. */
const wrote = (from: string, to: string, phase: JobPhase = "succeeded") => ({
  phase,
  changes: [{ ...at, path: "web.yaml", document: 1, field: "image", from: `web:${from}`, to: `"web:${to}"` }],
});

const previous = (declared: string, ...jobs: ReturnType<typeof wrote>[]) =>
  previousImage({ ...at, image: `web:${declared}` }, jobs);

describe("the previous image, jobs newest first", () => {
  test("is what the last release replaced", () => {
    expect(previous("2", wrote("1", "2"))).toBe("web:1");
  });
  test("is not known where no job ever wrote there", () => {
    expect(previous("2")).toBeUndefined();
    const other = wrote("1", "2");
    expect(previousImage({ ...at, container: "sidecar", image: "web:2" }, [other])).toBeUndefined();
  });
  test("passes over what did not become healthy", () => {
    expect(previous("3", wrote("2", "3"), wrote("1", "2", "failed"))).toBe("web:1");
    expect(previous("3", wrote("2", "3", "failed"), wrote("1", "2"))).toBe("web:2");
  });
  test("is what people had written before a job replaced it", () => {
    expect(previous("5", wrote("4", "5"), wrote("1", "2"))).toBe("web:4");
  });
  test("is what a job last brought to health where people wrote what is declared", () => {
    expect(previous("hand", wrote("2", "3", "failed"), wrote("1", "2"))).toBe("web:2");
  });
  test("after a failed release was undone it is older than what runs again", () => {
    expect(previous("2", wrote("3", "2"), wrote("2", "3", "rolled-back"), wrote("1", "2"))).toBe("web:1");
  });
  test("after a person rolled back a healthy release it is that release", () => {
    expect(previous("2", wrote("3", "2"), wrote("2", "3"), wrote("1", "2"))).toBe("web:3");
  });
  test("never is the declared one, however it is spelled", () => {
    expect(previous("2", wrote("2", "2"), wrote("1", "2"))).toBe("web:1");
  });
});
