import { expect, test } from "vitest";
import { SlipwayError } from "#common/domain/errors.ts";
import type { ErrorCode } from "#common/domain/errors.ts";
import { silentLog } from "#common/kit/log.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { createHostBudget } from "./host-budget.ts";
import type { OciClient } from "./oci/types.ts";
import { createScanMemory, isQuiet } from "./scan-memory.ts";
import { createTagPass } from "./tag-pass.ts";

const key = "registry.example.com/shop/front-end";
const tags = Array.from({ length: 20 }, (_, index) => ({ tag: `1.${index}` }));

const nothing = async (): Promise<void> => undefined;
const noTokens = { take: nothing, refused: nothing, silent: nothing, answered: nothing };
const pace = nothing;

function aPass() {
  const clock = createFakeClock();
  const memory = createScanMemory().of(key);
  const noClient = {} as OciClient;
  const deps = {
    budget: createHostBudget(noTokens),
    clients: { use: <T>(work: (client: OciClient) => Promise<T>) => work(noClient) },
    clock,
    log: silentLog,
    stopping: new AbortController().signal,
  };
  const target = { key, ref: { host: "registry.example.com", path: "shop/front-end" }, memory, pace };
  return { clock, memory, pass: createTagPass(deps, target) };
}

/** Looks that fail so for the tags named; gives the tags that were looked at. */
function looks(failing: Readonly<Record<string, ErrorCode>>) {
  const seen: string[] = [];
  const act = async ({ tag }: { readonly tag: string }): Promise<void> => {
    seen.push(tag);
    const code = failing[tag];
    if (code !== undefined) throw new SlipwayError(code, { detail: tag });
  };
  return { seen, act };
}

test("one image that is broken is left alone for a while and hides no other", async () => {
  const { clock, memory, pass } = aPass();
  const { seen, act } = looks({ "1.3": "REGISTRY_BAD_ANSWER" });
  await pass.each(tags, act);
  pass.settle();
  expect(seen).toHaveLength(20);
  expect(isQuiet(memory, "1.3", clock.monotonicMs())).toBe(true);
  expect(isQuiet(memory, "1.4", clock.monotonicMs())).toBe(false);
  await clock.advance(30_000);
  expect(isQuiet(memory, "1.3", clock.monotonicMs())).toBe(false);
});

test("a failure that may be the registry's is told after the others were read", async () => {
  const { pass } = aPass();
  const { seen, act } = looks({ "1.3": "REGISTRY_UNAVAILABLE" });
  await pass.each(tags, act);
  expect(seen).toHaveLength(20);
  expect(() => pass.settle()).toThrow("1.3");
});

test("a registry that is away is not asked for every image", async () => {
  const { pass } = aPass();
  const { seen, act } = looks(Object.fromEntries(tags.map(({ tag }) => [tag, "REGISTRY_UNAVAILABLE"])));
  await pass.each(tags, act);
  expect(seen.length).toBeLessThanOrEqual(10);
  expect(() => pass.settle()).toThrow(SlipwayError);
});

test("the first refusal ends it", async () => {
  const { pass } = aPass();
  const { seen, act } = looks({ "1.0": "REGISTRY_RATE_LIMITED" });
  await pass.each(tags, act);
  expect(seen.length).toBeLessThanOrEqual(8);
  expect(() => pass.settle()).toThrow("1.0");
});

test("when too many wait for the host the rest is for a later scan, and nobody's fault", async () => {
  const { memory, clock, pass } = aPass();
  const seen: string[] = [];
  await pass.each(tags, async ({ tag }) => {
    seen.push(tag);
    throw new SlipwayError("REGISTRY_RATE_LIMITED", { facts: { notAsked: true, budget: true } });
  });
  pass.settle();
  expect(seen.length).toBeLessThanOrEqual(8);
  expect(isQuiet(memory, "1.0", clock.monotonicMs())).toBe(false);
});

test("what does not fit into the time is for a later scan", async () => {
  const { clock, pass } = aPass();
  const { seen, act } = looks({});
  await clock.advance(20_000);
  await pass.each(tags, act);
  pass.settle();
  expect(seen).toEqual([]);
});
