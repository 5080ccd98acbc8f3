import { InvalidArgumentError } from "commander";

import { overrides } from "#common/contracts/overrides.ts";
import type { Override } from "#common/contracts/overrides.ts";

import { collect } from "./common.ts";

/** One value of `--override`. */
export function parseOverrides(text: string, previous: readonly Override[] = []): readonly Override[] {
  const rights = collect(text).map((name) => overrides.find((known) => known === name));
  if (rights.includes(undefined)) throw new InvalidArgumentError(`wanted: ${overrides.join(", ")}`);
  return [...previous, ...rights.filter((right) => right !== undefined)];
}
