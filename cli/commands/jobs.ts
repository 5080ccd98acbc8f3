import { Option } from "commander";
import type { Command } from "commander";

import { findNames } from "../lookup.ts";
import { jobLines } from "../print/jobs.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, collect, parseCount, parseSince, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface JobsOptions extends CommonOptions {
  readonly workload?: string;
  readonly image?: string;
  readonly label?: readonly string[];
  readonly commit?: string;
  readonly sourceSha?: string;
  readonly by?: string;
  readonly outcome?: string;
  readonly kind?: string;
  readonly phase?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
}

const kinds = ["release", "rollback", "policy", "sync", "restart"];
const phases = [
  "queued",
  "waiting",
  "writing",
  "rolling-out",
  "succeeded",
  "failed",
  "rolled-back",
  "cancelled",
  "superseded",
];

/** `jobs` */
export function addJobs(program: Command, deps: CommandDeps): void {
  const command = program
    .command("jobs")
    .summary("what was asked for and how it went")
    .description("Lists jobs, newest first: releases, rollbacks and whatever else changed something.")
    .option("--workload <name>", "only jobs that touch this workload")
    .option("--image <ref>", "only jobs with this image, or with any tag of this image repository")
    .option("--label <key=value>", "only jobs marked so; repeatable", collect)
    .option("--commit <sha>", "only the job that made this commit in the config repository")
    .option("--source-sha <sha>", "only jobs whose images were built from this commit")
    .option("--by <person>", "only jobs that this person or token asked for")
    .option("--outcome <word>", "only jobs that ended so: failed, rolled-back, nothing-to-do, …")
    .addOption(new Option("--kind <kind>", "only jobs of this kind").choices(kinds))
    .addOption(new Option("--phase <phase>", "only jobs in this phase").choices(phases))
    .option("--since <when>", "only jobs created since then: 24h, 7d or 2026-11-23T16:00Z", (text) =>
      parseSince(text, deps.io.clock.now()),
    )
    .option("--until <when>", "only jobs created before then", (text) =>
      parseSince(text, deps.io.clock.now()),
    )
    .option("-l, --limit <count>", "how many; 0 is all", parseCount, 20)
    .addHelpText(
      "after",
      "\nExamples:\n  slipway jobs --since 24h\n  slipway jobs --outcome failed --workload front-end --by anna\n  slipway jobs -o name --limit 1",
    );
  addCommonOptions(command).action(verb<JobsOptions>(deps, listJobs));
}

async function listJobs(session: Session, options: JobsOptions): Promise<undefined> {
  const { environment, image, label, commit, by, outcome, kind, phase, since, until, limit } = options;
  const [workload] = options.workload === undefined ? [] : await findNames(session, [options.workload]);
  const jobs = await session.api.jobs(
    {
      environment,
      workload,
      image,
      label,
      commit,
      outcome,
      kind,
      phase,
      since,
      until,
      source: options.sourceSha,
      requestedBy: by,
    },
    limit,
  );
  show(session, {
    data: { jobs },
    names: jobs.map((job) => job.id),
    lines: (style) => jobLines(jobs, style),
  });
  return undefined;
}
