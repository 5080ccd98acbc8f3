import { expect, test } from "vitest";

import { notificationBody, wants } from "./notification.ts";

test.each([
  [["*"], undefined, true],
  [["job.*"], undefined, true],
  [["job.failed"], ["shop"], true],
  [["job.succeeded", "job.failed"], ["shop"], true],
  [["job.succeeded"], undefined, false],
  [["freeze.*"], undefined, false],
  [["job"], undefined, false],
  [["*"], ["other"], false],
])("events %j of environments %j are wanted: %j", (events, environments, wanted) => {
  expect(wants({ events, environments }, { kind: "job.failed", environment: "shop" })).toBe(wanted);
});

test("a body names its event, its job as the event left it, and where people look", () => {
  const event = {
    id: 1n,
    at: new Date("2026-11-23T16:40:00Z"),
    environment: "shop",
    kind: "job.failed",
    jobId: "0193",
    data: { phase: "failed" },
    job: undefined,
  };
  const settings = { installation: "slipway", publicUrl: "https://slipway.example.com/base" };
  expect(notificationBody(settings, event)).toEqual({
    type: "job.failed",
    at: "2026-11-23T16:40:00.000Z",
    installation: "slipway",
    environment: "shop",
    job: { id: "0193", phase: "failed", url: "https://slipway.example.com/base/jobs/0193" },
  });
  expect(notificationBody(settings, { ...event, jobId: null })).toMatchObject({ data: { phase: "failed" } });
});
