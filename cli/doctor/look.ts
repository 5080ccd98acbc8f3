import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import { operations } from "#common/contracts/operations.ts";

import { isOpenToOthers } from "../contexts.ts";
import type { Answer } from "../http.ts";
import { shortCommit } from "../print/names.ts";
import { CliProblem } from "../problem.ts";
import { openSession } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";
import type { Io } from "../io.ts";
import { version } from "../version.ts";

import { bad, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { judgeClock, judgeIdentity, judgeReadiness, judgeTls, judgeVersions } from "./judge.ts";

export interface DoctorOptions extends CommonOptions {
  readonly environments: boolean;
}

/** Looks at one thing after the other, each told as soon as it is known; ends where the next needs what is broken. */
export async function* look(io: Io, options: DoctorOptions): AsyncGenerator<Finding> {
  yield ok("program", `slipway ${version} on Node ${process.versions.node}`);
  yield* lookAtContexts(io);
  const session = yield* openedSession(io, options);
  if (session === undefined) return;
  const alive = yield* lookAtServer(session);
  if (alive === undefined) return;
  yield* lookAtParts(session);
  const names = yield* lookAtToken(session);
  if (names === undefined || !options.environments) return;
  const wanted = names.filter((name) => options.environment === undefined || name === options.environment);
  for (const name of wanted) yield* lookAtEnvironment(session, name);
}

async function* lookAtContexts({ env }: Io): AsyncGenerator<Finding> {
  if (!(await isOpenToOthers(env))) return;
  yield bad(
    "contexts",
    "others may read the file that keeps your tokens",
    "chmod 600 it, and renew the tokens",
  );
}

async function* openedSession(io: Io, options: CommonOptions): AsyncGenerator<Finding, Session | undefined> {
  try {
    const session = await openSession(io, options);
    const { url, source } = session.transport.target;
    yield ok("server", `${url} (from ${source})`);
    return session;
  } catch (error) {
    yield failure("server", error);
    return undefined;
  }
}

/** Whether it answers, how safely, and when it thinks it is. */
async function* lookAtServer({ io, transport }: Session): AsyncGenerator<Finding, true | undefined> {
  const { path } = operations.livez;
  const before = io.clock.now();
  const startMs = io.clock.monotonicMs();
  try {
    const answer = await transport.try({ method: "GET", path });
    const tookMs = Math.round(io.clock.monotonicMs() - startMs);
    if (answer.status !== 200 || !isAlive(answer)) {
      yield bad(
        "reach",
        `something answers, but not like a Slipway API (${answer.status})`,
        "is the address right?",
      );
      return undefined;
    }
    yield ok("reach", `answers in ${tookMs} ms`);
    const after = io.clock.now();
    yield judgeTls(transport.target.url, answer.certificate, after);
    yield judgeClock(answer.date, { before, after });
    return true;
  } catch (error) {
    yield failure("reach", error);
    return undefined;
  }
}

function isAlive({ text }: Answer): boolean {
  return (parsed(text) as { alive?: unknown } | undefined)?.alive === true;
}

/** The server's version, and every part that it leans on. */
async function* lookAtParts({ api, transport }: Session): AsyncGenerator<Finding> {
  try {
    yield judgeVersions(version, await api.serverVersion());
    const answer = await transport.try({ method: "GET", path: operations.readyz.path });
    const { dependencies } = (parsed(answer.text) ?? {}) as { dependencies?: Record<string, string> };
    if (dependencies === undefined)
      yield warn("parts", `the server does not tell its parts (${answer.status})`, null);
    else yield* judgeReadiness(dependencies);
  } catch (error) {
    yield failure("parts", error);
  }
}

/** Whether the token counts and what it may do; the environments that it may see. */
async function* lookAtToken(session: Session): AsyncGenerator<Finding, readonly string[] | undefined> {
  try {
    const { environments } = await session.api.environments();
    const names = environments.map(({ name }) => name);
    yield* judgeIdentity(await session.api.identity(), { names, now: session.io.clock.now() });
    return names;
  } catch (error) {
    yield failure("token", error);
    return undefined;
  }
}

async function* lookAtEnvironment({ api }: Session, name: string): AsyncGenerator<Finding> {
  try {
    yield* judgeCheck(await api.checkEnvironment(name));
  } catch (error) {
    yield failure(name, error);
  }
}

/** A check in one line when all is well, else a line for what is missing. */
export function judgeCheck(check: EnvironmentCheck): readonly Finding[] {
  const { environment, mode, git, cluster, match, registries, warnings } = check;
  const more = `slipway environment check ${environment}`;
  const trials = [
    { what: "git cannot be read", trial: git.read },
    ...(git.pushNeeded ? [{ what: "git cannot be pushed to", trial: git.push }] : []),
    { what: "the cluster cannot be reached", trial: cluster.reach },
    { what: "the cluster is not seen whole", trial: cluster.view },
  ];
  const failed = trials.filter(({ trial }) => !trial.ok);
  const rights = cluster.rights.filter((right) => right.required && !right.allowed).length;
  const broken = [
    ...failed.map(({ what, trial }) =>
      bad(environment, `${what}: ${trial.detail ?? trial.code ?? ""}`, trial.hint ?? more),
    ),
    ...(rights > 0 && cluster.reach.ok
      ? [bad(environment, `${rights} rights in the cluster are missing`, more)]
      : []),
  ];
  const doubts = [
    ...registries.flatMap(({ host, problem }) =>
      problem === null
        ? []
        : [warn(environment, `images of ${host} cannot be read: ${problem.title}`, problem.hint ?? more)],
    ),
    ...warnings.map((text) => warn(environment, text, null)),
  ];
  if (broken.length > 0) return [...broken, ...doubts];
  if (!check.ok) return [bad(environment, "something that this mode needs is missing", more), ...doubts];
  const counts =
    match === null ? "" : `; ${match.live} live, ${match.declared} declared, ${match.matched} matched`;
  const tip = git.tip === null ? "" : ` at ${shortCommit(git.tip)}`;
  return [ok(environment, `${mode}, git${tip}, Kubernetes ${cluster.version ?? ""}${counts}`), ...doubts];
}

function failure(name: string, error: unknown): Finding {
  if (!(error instanceof CliProblem)) throw error;
  return bad(name, error.message, error.parts.hint ?? null);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON: whoever answered is not the API, which the caller says.
    return undefined;
  }
}
