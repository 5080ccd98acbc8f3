import type { CliProblem } from "../problem.ts";

import type { Paint } from "./paint.ts";
import { safe, safeBlock } from "./safe.ts";

/** What went wrong, what it may have meant, what to do; the code last, for a search. */
export function problemLines(problem: CliProblem, paint: Paint): readonly string[] {
  const { title, detail, hint, candidates = [], code, requestId } = problem.parts;
  const what = detail === undefined ? title : `${title}: ${detail}`;
  const told = requestId === undefined ? code : `${code}, request ${requestId}`;
  const isNews = (candidate: string) => !`${what} ${hint ?? ""}`.includes(candidate);
  return [
    `${paint.bad("slipway:")} ${safe(what)}`,
    ...candidates.filter(isNews).map((candidate) => `  ${safe(candidate)}`),
    ...(hint === undefined
      ? []
      : safeBlock(hint)
          .split("\n")
          .map((line) => `  ${line}`)),
    ...(code === "USAGE" ? [] : [paint.dim(`  (${safe(told)})`)]),
  ];
}
