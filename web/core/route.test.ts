import { expect, test } from "vitest";

import { jobPath, parseRoute, releasePath, workloadPath, workloadPathOf } from "./route.ts";

const frontEnd = { environment: "default", namespace: "sock-shop", kind: "Deployment", name: "front-end" };

test("a workload's address leads back to it", () => {
  const path = workloadPath(frontEnd);
  expect(path).toBe("/workloads/default/sock-shop/deployment/front-end");
  expect(parseRoute(path, "")).toEqual({ page: "workload", ...frontEnd, kind: "deployment" });
  expect(workloadPathOf("default", "sock-shop:deployment/front-end")).toBe(path);
  expect(workloadPathOf("default", "nonsense")).toBeUndefined();
});

test("names with markup, slashes and lone percent signs stay what they are", () => {
  const odd = "<b>/%";
  expect(parseRoute(jobPath(odd), "")).toEqual({ page: "job", id: odd });
  expect(parseRoute("/jobs/%", "")).toEqual({ page: "job", id: "%" });
});

test("a release names its workloads", () => {
  const [path = "", search] = releasePath("default", [{ id: "a:deployment/b" }, { id: "c:cronjob/d" }]).split(
    "?",
  );
  expect(parseRoute(path, `?${search}`)).toEqual({
    page: "release",
    environment: "default",
    workloads: ["a:deployment/b", "c:cronjob/d"],
  });
});

test.each(["/nowhere", "/workloads/default", "/jobs/1/2", "/environments/x", "/release/x"])(
  "nothing is at %s",
  (path) => expect(parseRoute(path, "").page).toBe("nowhere"),
);

test.each([
  ["/", "workloads"],
  ["/jobs", "jobs"],
  ["/jobs/", "jobs"],
  ["/environments", "environments"],
])("%s shows %s", (path, page) => expect(parseRoute(path, "").page).toBe(page));
