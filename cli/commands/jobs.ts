import { Option } from "commander";
import type { Command } from "commander";

import { findNames } from "../lookup.ts";
import { jobLines } from "../print/jobs.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, parseCount, parseSince, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface JobsOptions extends CommonOptions {
  readonly workload?: string;
  readonly phase?: string;
  readonly since?: string;
  readonly limit: number;
}

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
    .addOption(new Option("--phase <phase>", "only jobs in this phase").choices(phases))
    .option("--since <when>", "only jobs created since then: 24h, 7d or 2026-11-23T16:00Z", (text) =>
      parseSince(text, deps.io.clock.now()),
    )
    .option("-l, --limit <count>", "how many; 0 is all", parseCount, 20)
    .addHelpText(
      "after",
      "\nExamples:\n  slipway jobs --since 24h\n  slipway jobs --phase failed --workload front-end\n  slipway jobs -o name --limit 1",
    );
  addCommonOptions(command).action(verb<JobsOptions>(deps, listJobs));
}

async function listJobs(session: Session, options: JobsOptions): Promise<undefined> {
  const { environment, phase, since, limit } = options;
  const [workload] = options.workload === undefined ? [] : await findNames(session, [options.workload]);
  const jobs = await session.api.jobs({ environment, workload, phase, since }, limit);
  show(session, {
    data: { jobs },
    names: jobs.map((job) => job.id),
    lines: (style) => jobLines(jobs, style),
  });
  return undefined;
}
