import { expect, test } from "vitest";

import { branchMove, movesOf, pushRefs } from "./push.ts";
import type { PushAttempt } from "./push.ts";

const oid = (digit: string) => digit.repeat(40);
const attempt: PushAttempt = {
  branch: "main",
  base: oid("1"),
  tip: oid("2"),
  laneRef: "refs/slipway/shop/main",
  laneOld: oid("3"),
  laneNew: oid("4"),
};

test("an attempt moves the branch and the lane ref in one atomic push, each leased with its whole id", async () => {
  const asked: (readonly string[])[] = [];
  const runner = {
    discards: () => 0,
    discard: () => undefined,
    push: async (args: readonly string[]) => {
      asked.push(args);
      return { exitCode: 1, stopped: undefined, stdout: "", stderr: "" };
    },
  };
  await pushRefs(runner as unknown as Parameters<typeof pushRefs>[0], movesOf(attempt), { timeoutMs: 1 });
  expect(asked[0]).toEqual(
    expect.arrayContaining([
      "--atomic",
      `--force-with-lease=refs/heads/main:${oid("1")}`,
      `--force-with-lease=refs/slipway/shop/main:${oid("3")}`,
      `${oid("2")}:refs/heads/main`,
      `${oid("4")}:refs/slipway/shop/main`,
    ]),
  );
});

test("the lane ref is never expected to be absent, nor by a shortened id", () => {
  for (const laneOld of ["", "3333333"]) {
    expect(() => movesOf({ ...attempt, laneOld })).toThrow("is not an object id");
  }
});

test("a branch is leased by its whole id, or expected to be absent", () => {
  expect(() => branchMove({ branch: "main", base: "1111111", tip: oid("2") })).toThrow("is not an object id");
  expect(branchMove({ branch: "slipway/job", base: "", tip: oid("2") })).toMatchObject({ expect: "" });
});
