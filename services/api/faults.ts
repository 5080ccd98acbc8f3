import type { z } from "zod";

import { SlipwayError } from "#common/domain/errors.ts";
import { pathText } from "#common/kit/settings-faults.ts";

type Issue = z.core.$ZodIssue;

const mostFaults = 50;

/** INVALID_REQUEST with every fault of the request, each with its place. */
export function invalidRequest(part: string, issues: readonly Issue[]): SlipwayError {
  const faults = issues.flatMap((issue) => faultsOf(issue, [])).slice(0, mostFaults);
  const where = part === "body" ? "" : `${part} `;
  const told = faults.map((fault) => `${where}${fault}`);
  return new SlipwayError("INVALID_REQUEST", { detail: told.join("; "), facts: { faults: told } });
}

function faultsOf(issue: Issue, at: readonly PropertyKey[]): readonly string[] {
  const path = [...at, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${pathText([...path, key])}: unknown key`);
  }
  if (issue.code === "invalid_union") return unionFaults(issue.errors, path);
  return [`${path.length === 0 ? "the body" : pathText(path)}: ${issue.message}`];
}

/** Of the forms that could have been meant, the one that fits best tells what is wrong with it. */
function unionFaults(
  branches: readonly (readonly Issue[])[],
  path: readonly PropertyKey[],
): readonly string[] {
  const deep = branches.filter((issues) => issues.every((issue) => isInside(issue)));
  const told = deep.map((issues) => issues.flatMap((issue) => faultsOf(issue, path)));
  const [nearest] = told.sort((a, b) => a.length - b.length);
  return nearest ?? [`${pathText(path)}: has none of the forms that are allowed here`];
}

function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === "unrecognized_keys" || issue.code === "too_small";
}
