import { expect, test } from "vitest";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { parseWorkloadId, type WorkloadId } from "#common/domain/workload.ts";

import { findRivals } from "./rivals.ts";

type Mode = EnvironmentSettings["mode"];

/** Environments by name: what each declares and sees running. */
interface Place {
  readonly mode: Mode;
  readonly declares: readonly string[];
  /** Workload → uid. */
  readonly runs: Readonly<Record<string, string>>;
}

async function rivalsOf(name: string, places: Readonly<Record<string, Place>>) {
  const asked: string[] = [];
  const environments = Object.entries(places).map(([key, { mode }]) => ({ name: key, mode }));
  const environment = environments.find((one) => one.name === name) as EnvironmentSettings;
  const found = await findRivals(
    {
      environments: environments as EnvironmentSettings[],
      declared: async (other, workloads) =>
        new Set(places[other]?.declares.filter((id) => workloads.includes(id))),
      async uids(other, ids) {
        asked.push(other);
        const runs = Object.entries(places[other]?.runs ?? {});
        return new Map(runs.filter(([id]) => ids.some((one) => id.endsWith(`/${one.name}`))));
      },
    },
    { environment, ids: (places[name]?.declares ?? []).map((text) => parseWorkloadId(text) as WorkloadId) },
  );
  return { found: Object.fromEntries(found), asked };
}

const web = "shop:deployment/web";
const cart = "shop:deployment/cart";
const here: Place = { mode: "apply", declares: [web, cart], runs: { [web]: "u1", [cart]: "u2" } };

test("two environments that declare one object of one cluster are told, by its uid", async () => {
  const there = { ...here, declares: [web] };
  expect((await rivalsOf("a", { a: here, b: there })).found).toEqual({ [web]: "a and b" });
});

test("the same names on another cluster are other objects", async () => {
  const there = { ...here, runs: { [web]: "v1", [cart]: "v2" } };
  expect((await rivalsOf("a", { a: here, b: there })).found).toEqual({});
});

test("what is not known of a cluster tells nothing", async () => {
  expect((await rivalsOf("a", { a: here, b: { ...here, runs: {} } })).found).toEqual({});
  expect((await rivalsOf("a", { a: { ...here, runs: {} }, b: { ...here, runs: {} } })).found).toEqual({});
});

test("no cluster is asked for what nobody else declares", async () => {
  const { found, asked } = await rivalsOf("a", { a: here, b: { ...here, declares: ["shop:deployment/db"] } });
  expect([found, asked]).toEqual([{}, []]);
});

test.each<[Mode, Mode, boolean]>([
  ["apply", "apply", true],
  ["apply", "hand-off", true],
  ["hand-off", "apply", true],
  ["hand-off", "hand-off", false],
  ["apply", "observe", false],
  ["observe", "apply", false],
])("%s beside %s: %s, since only what we apply can be undone by the other", async (mine, theirs, told) => {
  const { found } = await rivalsOf("a", { a: { ...here, mode: mine }, b: { ...here, mode: theirs } });
  expect(found).toEqual(told ? { [web]: "a and b", [cart]: "a and b" } : {});
});
