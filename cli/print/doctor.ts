import type { Finding } from "../doctor/finding.ts";

import type { Paint } from "./paint.ts";
import { safe, safeBlock } from "./safe.ts";
import { padTo } from "./table.ts";

const nameWidth = 16;

/** ` ✔ server            http://… (from --url)`, and below it what to do where something is wrong. */
export function findingLines({ name, state, text, todo }: Finding, paint: Paint): readonly string[] {
  const mark = { ok: paint.good("✔"), warn: paint.warn("!"), bad: paint.bad("✖") }[state];
  const rest = todo === null ? [] : safeBlock(todo).split("\n");
  return [
    ` ${mark} ${padTo(safe(name), nameWidth)}  ${safe(text)}`,
    ...rest.map((line) => `   ${" ".repeat(nameWidth)}  ${line}`),
  ];
}

/** "Nothing is wrong." or how many things are. */
export function verdictLine(findings: readonly Finding[]): string {
  const count = (state: Finding["state"]) => findings.filter((one) => one.state === state).length;
  const [wrong, doubts] = [count("bad"), count("warn")];
  const worth =
    doubts === 0 ? "" : doubts === 1 ? "1 thing is worth a look" : `${doubts} things are worth a look`;
  if (wrong === 0) return worth === "" ? "Nothing is wrong." : `Nothing is wrong; ${worth}.`;
  const what = wrong === 1 ? "1 thing is wrong" : `${wrong} things are wrong`;
  return worth === "" ? `${what}.` : `${what}; ${worth}.`;
}
