import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

function held() {
  const gates: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const work = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => gates.push(resolve));
    running -= 1;
  };
  return { gates, work, most: () => most, running: () => running };
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("so much work runs at a time for a key, the rest in turn", async () => {
  const slots = createSlots(2);
  const { gates, work, most, running } = held();
  const all = Array.from({ length: 5 }, () => slots.run("a", work));
  await settle();
  expect(running()).toBe(2);
  for (let done = 0; done < 5; done += 1) {
    gates.shift()?.();
    await settle();
  }
  await Promise.all(all);
  expect(most()).toBe(2);
});

test("a key that is full delays no other", async () => {
  const slots = createSlots(1);
  const { gates, work } = held();
  const stuck = slots.run("a", work);
  expect(await slots.run("b", async () => "done")).toBe("done");
  gates[0]?.();
  await stuck;
});

test("work that fails gives its place back", async () => {
  const slots = createSlots(1);
  await expect(slots.run("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await slots.run("a", async () => "next")).toBe("next");
});
