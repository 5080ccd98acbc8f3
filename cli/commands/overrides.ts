import { InvalidArgumentError } from "commander";

import type { ReleaseRequestInput } from "#common/contracts/requests.ts";

import { collect } from "./common.ts";

/** One right each: the guard that a request passes. */
export type Override = NonNullable<ReleaseRequestInput["override"]>[number];

export const overrideNames: readonly Override[] = [
  "lock",
  "filter",
  "downgrade",
  "freeze",
  "window",
  "conflict",
  "changed-since",
];

/** One value of `--override`. */
export function parseOverrides(text: string, previous: readonly Override[] = []): readonly Override[] {
  const rights = collect(text).map((name) => overrideNames.find((known) => known === name));
  if (rights.includes(undefined)) throw new InvalidArgumentError(`wanted: ${overrideNames.join(", ")}`);
  return [...previous, ...rights.filter((right) => right !== undefined)];
}
