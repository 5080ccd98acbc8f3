import type { Io } from "./io.ts";
import { createPaint } from "./print/paint.ts";
import { safe } from "./print/safe.ts";
import { tableLines } from "./print/table.ts";
import { CliProblem, exitCodes } from "./problem.ts";
import type { ExitCode } from "./problem.ts";
import { findTarget } from "./target.ts";
import { version } from "./version.ts";

/** What `slipway` alone shows: which server it would speak to, and the five commands to begin with. */
export async function showFirstScreen(io: Io): Promise<ExitCode> {
  const paint = createPaint(io.outColour);
  const server = await serverOf(io);
  const lines = [
    `${paint.strong(`slipway ${version}`)}  from published image to running service`,
    "",
    server === undefined ? "Server   none yet" : safe(`Server   ${server}`),
    "",
    ...tableLines(server === undefined ? toConnect : toBegin),
    "",
    "slipway --help lists every command, slipway release --help tells one with examples.",
  ];
  for (const line of lines) io.out(line);
  return exitCodes.ok;
}

const toBegin = [
  ["  slipway workloads", "what runs"],
  ["  slipway images front-end", "what could run"],
  ["  slipway release front-end", "show the plan, ask, release, wait until healthy"],
  ["  slipway jobs", "what was asked for, and how it went"],
  ["  slipway rollback 0c1d8e11", "undo a job"],
];

const toConnect = [
  ["  slipway login https://slipway.example.com", "a server of yours; asks for its token"],
  ["  npm run demo", "a server to try, with a sandbox cluster; in a checkout of Slipway"],
  ["  slipway manifest list PATH", "without a server: the images in your manifests"],
];

async function serverOf(io: Io): Promise<string | undefined> {
  try {
    const { url, source } = await findTarget({}, io);
    return `${url}  (from ${source})`;
  } catch (error) {
    // Without a server, or with one that is named badly, this screen says how to come to one.
    if (error instanceof CliProblem) return error.code === "NO_SERVER" ? undefined : error.message;
    throw error;
  }
}
