import { expect, test } from "vitest";

import { SlipwayError, errorCatalogue } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";

import { codedError, toProblem } from "./problem.ts";

test("tells all of an error of ours", () => {
  const error = new SlipwayError("WORKLOAD_NOT_FOUND", {
    detail: "x",
    hint: "y",
    facts: { candidates: ["z"] },
  });
  expect(toProblem(error, "r-1")).toEqual({
    type: "/v1/errors/WORKLOAD_NOT_FOUND",
    title: errorCatalogue.WORKLOAD_NOT_FOUND.title,
    status: 404,
    code: "WORKLOAD_NOT_FOUND",
    detail: "x",
    hint: "y",
    requestId: "r-1",
    facts: { candidates: ["z"] },
  });
});

test("tells nothing of the inside", () => {
  const problem = toProblem(codedError(new Error("password=hunter2")), "r-1");
  expect(problem).toMatchObject({ status: 500, code: "INTERNAL", requestId: "r-1" });
  expect(JSON.stringify(problem)).not.toContain("hunter2");
  const ours = new SlipwayError("INTERNAL", { detail: "hunter2", hint: "hunter2", facts: { a: "hunter2" } });
  expect(JSON.stringify(toProblem(ours))).not.toContain("hunter2");
});

test("every code of the catalogue has a status of its kind", () => {
  for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
    const { status } = toProblem(new SlipwayError(code));
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThanOrEqual(504);
  }
});

test.each([
  [{ statusCode: 413, code: "FST_ERR_CTP_BODY_TOO_LARGE" }, "PAYLOAD_TOO_LARGE"],
  [{ statusCode: 429 }, "RATE_LIMITED"],
  [{ statusCode: 415, code: "FST_ERR_CTP_INVALID_MEDIA_TYPE" }, "INVALID_REQUEST"],
  [{ statusCode: 400, message: "odd" }, "INVALID_REQUEST"],
  [{ statusCode: 500 }, "INTERNAL"],
  [{ message: "a bug" }, "INTERNAL"],
])("codes what Fastify throws: %j is %s", (thrown, code) => {
  expect(codedError(Object.assign(new Error("x"), thrown)).code).toBe(code);
});
