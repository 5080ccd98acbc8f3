import type { Explanation } from "#common/contracts/policy-http.ts";

import { changeText } from "./change.ts";
import { shortWorkload } from "./names.ts";
import { safe } from "./safe.ts";
import { tableLines } from "./table.ts";
import { durationText, shortDate } from "./time.ts";

type Container = Explanation["containers"][number];

/** What automation would do with a workload, what stops it, and each tag with its reason. */
export function explanationLines(told: Explanation, style: { readonly headers: boolean }): readonly string[] {
  const { workload, environment, stops, containers } = told;
  return [
    safe(`${shortWorkload(workload)} on ${environment}: ${headOf(told)}`),
    ...tableLines(stops.map(({ reason, detail, until }) => ["", reason, stopText(reason, detail, until)])),
    ...containers.flatMap((one) => ["", ...containerLines(one, style)]),
  ];
}

function headOf({ moves, stops, containers }: Explanation): string {
  if (moves) return "moves by itself";
  if (stops.length > 0) return "automation leaves it alone";
  return containers.every(({ reason }) => reason === "up-to-date") ? "up to date" : "nothing to move";
}

const stopWords: Readonly<Record<Explanation["stops"][number]["reason"], string>> = {
  "not-declared": "git does not declare it",
  "automation-off": "automation is off for this environment",
  "not-automated": "nobody has automated it (slipway automate)",
  "policy-invalid": "a policy cannot be read",
  "manifest-broken": "its manifest does not parse",
  "declared-twice": "it is declared in several places",
  "not-in-cluster": "it does not run",
  ignored: "it is ignored by policy",
  locked: "it is locked (slipway unlock)",
  held: "it is held by a person (slipway policy W hold-)",
  frozen: "there is a freeze",
  "window-closed": "no window is open",
  "rolling-out": "a job is rolling it out",
  "cluster-stale": "what runs is not known well enough",
  "group-waits": "its group waits",
};

function stopText(reason: keyof typeof stopWords, detail: string | null, until: string | null): string {
  const end = until === null ? "" : `, until ${shortDate(until)}`;
  return `${stopWords[reason]}${detail === null ? "" : `: ${detail}`}${end}`;
}

function containerLines(one: Container, { headers }: { readonly headers: boolean }): readonly string[] {
  const { container, image, filter, reason, detail, to, imagesMs, total, candidates } = one;
  const change = to === null ? image : changeText({ from: image, to }, "short");
  const read = imagesMs === null ? "registry never read" : `registry read ${durationText(imagesMs)} ago`;
  const head = `${container}  ${change}  ${reason}${detail === null ? "" : ` (${detail})`}`;
  const rows = candidates.map(({ order, tag, created, reason: why, current }) => [
    String(order),
    `${current ? "'->" : "   "} ${tag}`,
    created === null ? "?" : shortDate(created),
    why,
  ]);
  const omitted = total - candidates.length;
  return [
    safe(head),
    safe(`filter ${filter ?? "none"}, ${total} ${total === 1 ? "tag" : "tags"}, ${read}`),
    ...tableLines(headers && rows.length > 0 ? [["ORDER", "    TAG", "CREATED", "REASON"], ...rows] : rows),
    ...(omitted > 0 ? [`:   (${omitted} tag(s) omitted)`] : []),
  ];
}
