import { expect, test } from "vitest";

import { settings as schema } from "#common/contracts/settings.ts";

import { boundEnvironments } from "./bound-environments.ts";

const environment = (name: string, repository: string) => ({
  name,
  cluster: { inCluster: true },
  git: { url: `https://git.example.com/${repository}.git` },
});
const settings = schema.parse({
  environments: [environment("shop", "shop"), environment("blog", "config"), environment("wiki", "config")],
});
const namesOf = (names: string | undefined): readonly string[] =>
  boundEnvironments(settings, names).map(({ name }) => name);

test("without names a process acts in all environments, with names in those alone", () => {
  expect(namesOf(undefined)).toEqual(["shop", "blog", "wiki"]);
  expect(namesOf("shop")).toEqual(["shop"]);
  expect(namesOf(" wiki, blog ")).toEqual(["blog", "wiki"]);
});

test.each([
  { names: "shop,nowhere", says: 'names "nowhere", which the settings do not have' },
  { names: "blog", says: 'must name "wiki" beside "blog": both write to one branch' },
  { names: " , ", says: "names no environment" },
])("refuses $names in words", ({ names, says }) => {
  expect(() => namesOf(names)).toThrow(says);
});
