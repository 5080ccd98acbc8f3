import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";

import { listNames, shortCommit } from "./names.ts";
import type { Paint } from "./paint.ts";
import { safe } from "./safe.ts";
import { padTo, tableLines } from "./table.ts";

type Trial = EnvironmentCheck["cluster"]["reach"];

export interface CheckStyle {
  /** Every workload and right, not only the first few. */
  readonly wide: boolean;
  readonly paint: Paint;
}

/** The onboarding screen: a line for each thing an environment needs, ✔ there, ✖ missing, ! worth a look. */
export function checkLines(check: EnvironmentCheck, style: CheckStyle): readonly string[] {
  return [
    style.paint.strong(safe(`Environment ${check.environment}, mode ${check.mode}`)),
    ...gitLines(check, style),
    ...clusterLines(check, style),
    ...matchLines(check, style),
    ...check.registries.map((registry) => registryLine(registry, style)),
    ...check.warnings.map((warning) => line(style, "!", { what: "note", text: warning })),
    safe(`Next: ${check.next}`),
  ];
}

type Mark = "✔" | "✖" | "!";

const nameWidth = 8;

function line({ paint }: CheckStyle, mark: Mark, of: { what: string; text: string }): string {
  const marks = { "✔": paint.good("✔"), "✖": paint.bad("✖"), "!": paint.warn("!") };
  return ` ${marks[mark]} ${padTo(of.what, nameWidth)}  ${safe(of.text)}`;
}

/** What was tried, in its own words when it went well, else with the reason and the way out. */
function trialLine(
  style: CheckStyle,
  trial: Trial,
  of: { what: string; good: string; needed?: boolean },
): string {
  const { what, good, needed = true } = of;
  const note = trial.detail === null ? "" : ` (${trial.detail})`;
  if (trial.ok) return line(style, "✔", { what, text: `${good}${note}` });
  const words = [trial.detail ?? "failed", trial.hint, needed ? null : "not needed in this mode"];
  const code = trial.code === null ? "" : ` [${trial.code}]`;
  const text = `${words.filter((word) => word !== null).join("; ")}${code}`;
  return line(style, needed ? "✖" : "!", { what, text });
}

const levels = {
  "lane-ref": "a ref of its own keeps late pushes out",
  "lane-branch": "a branch of its own keeps late pushes out",
  "branch-only": "nothing keeps late pushes out",
};

function gitLines({ git }: EnvironmentCheck, style: CheckStyle): readonly string[] {
  const tip = git.tip === null ? "" : ` at ${shortCommit(git.tip)}`;
  const read = `${git.url} ${git.branch}${tip}: ${git.files} manifests in ${git.paths.join(", ")}`;
  const level = git.level === null ? "" : `; ${levels[git.level]}`;
  return [
    trialLine(style, git.read, { what: "git read", good: read }),
    trialLine(style, git.push, {
      what: "git push",
      good: `the host would take it, nothing was pushed${level}`,
      needed: git.pushNeeded,
    }),
  ];
}

function clusterLines({ cluster }: EnvironmentCheck, style: CheckStyle): readonly string[] {
  const { reach, version, view, rights } = cluster;
  return [
    trialLine(style, reach, { what: "cluster", good: `Kubernetes ${version ?? "of an unknown version"}` }),
    trialLine(style, view, { what: "view", good: "every kind is watched, and fresh" }),
    ...(reach.ok ? rightsLines(rights, style) : []),
  ];
}

const fewLines = 10;

function rightsLines(rights: EnvironmentCheck["cluster"]["rights"], style: CheckStyle): readonly string[] {
  const required = rights.filter((right) => right.required);
  const missing = required.filter((right) => !right.allowed);
  if (missing.length === 0) {
    return [line(style, "✔", { what: "rights", text: `${required.length} of ${required.length}` })];
  }
  const shown = style.wide ? missing : missing.slice(0, fewLines);
  const more = missing.length - shown.length;
  return [
    ...shown.map((right) => {
      const where = right.namespace === null ? "in all namespaces" : `in ${right.namespace}`;
      const group = right.group === "" ? "" : `.${right.group}`;
      const why = right.reason === null ? "" : `: ${right.reason}`;
      const text = `may not ${right.verb} ${right.resource}${group} ${where}, needed for ${right.neededFor}${why}`;
      return line(style, "✖", { what: "rights", text });
    }),
    ...(more > 0 ? [line(style, "✖", { what: "rights", text: `${more} more (-o wide lists them)` })] : []),
  ];
}

function matchLines({ match }: EnvironmentCheck, style: CheckStyle): readonly string[] {
  if (match === null) {
    return [line(style, "✖", { what: "match", text: "cannot be told while the cluster is not seen whole" })];
  }
  const { live, declared, matched, notInGit, notLive } = match;
  const counts = `${live} live, ${declared} declared, ${matched} matched; ${notInGit.length} not in git, ${notLive.length} not live`;
  const whole = notInGit.length + notLive.length === 0;
  return [
    line(style, whole ? "✔" : "!", { what: "match", text: counts }),
    ...tableLines([
      ...unmatchedRows("not in git", notInGit, style),
      ...unmatchedRows("not live", notLive, style),
    ]),
  ];
}

type Unmatched = NonNullable<EnvironmentCheck["match"]>["notLive"];

function unmatchedRows(what: string, all: Unmatched, { wide }: CheckStyle): readonly (readonly string[])[] {
  const shown = wide ? all : all.slice(0, fewLines);
  const names = listNames(all.map(({ workload }) => workload));
  const rows = shown.map(({ workload, reason }) => ["  ", what, names.get(workload) ?? workload, reason]);
  const more = all.length - shown.length;
  return more > 0 ? [...rows, ["  ", what, `${more} more (-o wide lists them)`]] : rows;
}

/** `, scanned every 30 s (3 changed), 15 min (11 quiet)`; of each reason the longest. */
function paceText({ paces }: EnvironmentCheck["registries"][number]): string {
  if (paces.length === 0) return "";
  const words = paces.map(
    ({ reason, repositories, longestSeconds: seconds }) =>
      `${everyText(seconds)} (${repositories} ${reason})`,
  );
  return `, scanned every ${words.join(", ")}`;
}

function everyText(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function registryLine(registry: EnvironmentCheck["registries"][number], style: CheckStyle): string {
  const { host, repositories, failing, waiting, problem } = registry;
  const of = `${repositories} image ${repositories === 1 ? "repository" : "repositories"}`;
  const wait = waiting === 0 ? "" : `, ${waiting} not scanned yet`;
  if (problem === null)
    return line(style, "✔", { what: "images", text: `${host}: ${of}${wait}${paceText(registry)}` });
  const why = problem.detail === null ? problem.title : `${problem.title}: ${problem.detail}`;
  const hint = problem.hint === null ? "" : `; ${problem.hint}`;
  const text = `${host}: ${failing} of ${of} cannot be read${wait}: ${why}${hint} [${problem.code}]`;
  return line(style, "!", { what: "images", text });
}
