import { expect, test } from "vitest";

import { silentLog } from "#common/kit/log.ts";
import type { BudgetAsk, BudgetShare } from "#common/store/rate-budgets.ts";

import { createBudgets } from "./budgets.ts";

function account(answer: (ask: BudgetAsk) => BudgetShare | Promise<BudgetShare>) {
  const asked: BudgetAsk[] = [];
  let nowMs = 1_000;
  const budgets = createBudgets({
    ask: async (one) => {
      asked.push(one);
      return answer(one);
    },
    clock: { monotonicMs: () => nowMs },
    log: silentLog,
  });
  return { budgets, asked, pass: (ms: number) => (nowMs += ms) };
}

test("a hundred requests ask the account a few times", async () => {
  const { budgets, asked } = account(({ want }) => ({ granted: want, retryMs: 0 }));
  for (let request = 0; request < 100; request += 1) {
    expect(await budgets.take("ci write", 600)).toEqual({ ok: true, retryMs: 0 });
  }
  expect(asked).toHaveLength(4);
  expect(asked[0]).toEqual({ key: "ci write", perMinute: 600, want: 30 });
});

test("a hundred requests at once ask no more often", async () => {
  const { budgets, asked } = account(({ want }) => ({ granted: want, retryMs: 0 }));
  const taken = await Promise.all(Array.from({ length: 100 }, () => budgets.take("ci write", 600)));
  expect(taken.every(({ ok }) => ok)).toBe(true);
  expect(asked).toHaveLength(4);
});

test("an empty account is not asked again before something can be there", async () => {
  const { budgets, asked, pass } = account(() => ({ granted: 0, retryMs: 500 }));
  expect(await budgets.take("ci write", 2)).toEqual({ ok: false, retryMs: 500 });
  pass(200);
  expect(await budgets.take("ci write", 2)).toEqual({ ok: false, retryMs: 300 });
  expect(budgets.waitMs("ci write")).toBe(300);
  expect(asked).toHaveLength(1);
  pass(300);
  await budgets.take("ci write", 2);
  expect(asked).toHaveLength(2);
});

test("one's emptiness is not another's", async () => {
  const { budgets } = account(({ key }) =>
    key === "a" ? { granted: 0, retryMs: 500 } : { granted: 1, retryMs: 0 },
  );
  await budgets.take("a", 2);
  expect(budgets.waitMs("b")).toBe(0);
  expect((await budgets.take("b", 2)).ok).toBe(true);
});

test("nobody is slowed down while the account cannot be asked", async () => {
  const { budgets } = account(() => Promise.reject(new Error("away")));
  expect((await budgets.take("ci write", 600)).ok).toBe(true);
});
