import { expect, test } from "vitest";

import { closingLine, countTests, type VitestReport } from "./test-counts.ts";

const report = (given: Partial<VitestReport>): VitestReport => ({
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
  ...given,
});

test("the closing line names skipped tests only when there were some", () => {
  expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed");
  expect(closingLine({ passed: 12, failed: 1, skipped: 2 })).toBe("12 passed, 1 failed, 2 skipped");
});

test("a file that fails without a failing test counts as one failure", () => {
  const testResults = [
    { status: "failed", assertionResults: [] },
    { status: "failed", assertionResults: [{ status: "failed" }, { status: "passed" }] },
    { status: "passed", assertionResults: [{ status: "passed" }] },
  ];
  const counts = countTests(report({ numFailedTests: 1, testResults }), 1);
  expect(counts).toEqual({ passed: 3, failed: 2, skipped: 0 });
});

test("a run that ends badly without a failing test counts as one failure", () => {
  expect(countTests(report({}), 1).failed).toBe(1);
  expect(countTests(undefined, 0).failed).toBe(1);
  expect(countTests(report({}), 0).failed).toBe(0);
});

test("skipped and planned tests are counted together", () => {
  expect(countTests(report({ numPendingTests: 2, numTodoTests: 1 }), 0).skipped).toBe(3);
});
