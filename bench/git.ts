import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bigFile, createBigRepository } from "#sandbox/git/big-repository.ts";
import { createGitHttpServer } from "#sandbox/git/http-server.ts";
import { createRepositories } from "#sandbox/git/repositories.ts";
import { createGitCache, type GitCache, type PushAttempt } from "../services/release-worker/git/git-cache.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow, type Row } from "./support/row.ts";

const size = { files: 4_000, commits: 25_000 };
const login = { username: "bot", token: "bench-token" };
const cold = { name: "git.cold-fetch-25k", runs: 5, baselineRuns: 2 };
const warm = { name: "git.release-25k", runs: 40, baselineRuns: 3 };
const laneRef = "refs/slipway/bench/main";
const longestCloneMs = 300_000;

/** A repository of 4,000 files and 25,000 commits: the first fetch of a worker, and what a release costs then. */
export const gitBench: Bench = {
  name: "git",
  rows: [cold.name, warm.name],
  async run(run) {
    const host = createGitHttpServer({ root: run.folder, ...login });
    run.note(`making a repository of ${size.files} files and ${size.commits} commits`);
    await createBigRepository(createRepositories(run.folder), "config", size);
    await host.start();
    try {
      const place: Place = { run, url: `${host.url}/config.git`, requests: () => host.requests().length };
      if (run.wants(cold.name)) await coldRow(place);
      if (run.wants(warm.name)) await warmRow(place);
    } finally {
      await host.stop();
    }
  },
};

interface Place {
  readonly run: BenchRun;
  readonly url: string;
  requests(): number;
}

async function coldRow(place: Place): Promise<void> {
  const { run } = place;
  run.note(`measuring ${cold.name}`);
  const ours = await measured(cold.runs, run.signal, async (round) => {
    const cache = openCache(place, `cold-${round}`);
    await cache.listTree(await cache.fetchTip(run.signal));
    await cache.dispose();
  });
  const theirs = await measured(cold.baselineRuns, run.signal, (round) =>
    clone(place, join(run.folder, `clone-${round}`), []),
  );
  run.tell(
    toRow({
      name: cold.name,
      unit: "s",
      value: quantile(ours, 0.5),
      baseline: quantile(theirs, 0.5),
      more: { runs: cold.runs },
      budget: "5 s",
      baselineIs: "git clone with a work tree",
    }),
  );
}

async function warmRow(place: Place): Promise<void> {
  const { run } = place;
  run.note(`measuring ${warm.name}`);
  const cache = openCache(place, "warm");
  try {
    run.tell(await releaseRow(place, cache));
  } finally {
    await cache.dispose();
  }
}

async function releaseRow(place: Place, cache: GitCache): Promise<Row> {
  const { run } = place;
  const releases = await createReleases(cache);
  await releases.next();
  const [requests, processes] = [place.requests(), cache.gitProcesses()];
  const ours = await measured(warm.runs, run.signal, () => releases.next());
  const counted = { requests: place.requests() - requests, processes: cache.gitProcesses() - processes };
  const theirs = await measured(warm.baselineRuns, run.signal, (round) =>
    clone(place, join(run.folder, `shallow-${round}`), ["--depth", "1"]),
  );
  return toRow({
    name: warm.name,
    unit: "s",
    value: quantile(ours, 0.5),
    p99: quantile(ours, 0.99),
    baseline: quantile(theirs, 0.5),
    more: {
      runs: warm.runs,
      requestsEach: counted.requests / warm.runs,
      processesEach: counted.processes / warm.runs,
    },
    budget: "p50 0.25 s",
    baselineIs: "a shallow clone alone, before any edit or push",
  });
}

function openCache({ run, url }: Place, folder: string): GitCache {
  const target = { url, branch: "main", allowHttp: true, ...login };
  return createGitCache({ target, folder: join(run.folder, folder) });
}

/** Releases of one file each, one after the other: read, write, push. */
async function createReleases(cache: GitCache): Promise<{ next(): Promise<void> }> {
  let base = await cache.fetchTip();
  const entries = new Map((await cache.listTree(base)).map((entry) => [entry.path, entry.oid]));
  // As the index does: a release then finds its blobs in the cache.
  await cache.readBlobs([...entries.values()]);
  let laneOld = await cache.writeLaneValue("created");
  await cache.createLaneRef(laneRef, laneOld);
  let count = 0;
  return {
    async next() {
      count += 1;
      const path = bigFile((count * 101) % size.files);
      const oid = entries.get(path) ?? "";
      const text = (await cache.readBlobs([oid])).get(oid)?.toString() ?? "";
      const bytes = Buffer.from(text.replace(/:1\.\d+$/m, `:2.${count}`));
      const person = { name: "Slipway", email: "slipway@localhost", at: new Date() };
      const draft = { jobId: `job-${count}`, message: `Release ${count}`, author: person, committer: person };
      const [tip = ""] = await cache.writeCommits(base, [
        { ...draft, files: [{ path, mode: "100644", bytes }] },
      ]);
      const laneNew = await cache.writeLaneValue("attempt");
      await push(cache, { branch: "main", base, tip, laneRef, laneOld, laneNew });
      [base, laneOld] = [tip, laneNew];
    },
  };
}

async function push(cache: GitCache, attempt: PushAttempt): Promise<void> {
  const answer = await cache.push(attempt);
  if (answer.kind !== "landed") throw new Error(`the push ended with ${JSON.stringify(answer)}`);
}

/** With a work tree, as a straightforward implementation begins. */
async function clone({ run, url }: Place, folder: string, options: readonly string[]): Promise<void> {
  const basic = Buffer.from(`${login.username}:${login.token}`).toString("base64");
  const header = `http.extraHeader=Authorization: Basic ${basic}`;
  const args = ["-c", header, "clone", "--quiet", ...options, "--branch", "main", "--", url, folder];
  const env = { PATH: process.env["PATH"], HOME: run.folder, LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1" };
  await promisify(execFile)("git", args, { env, signal: run.signal, timeout: longestCloneMs });
  await rm(folder, { recursive: true, force: true });
}

/** Seconds of each round, one after the other. */
async function measured(
  rounds: number,
  signal: AbortSignal,
  act: (round: number) => Promise<void>,
): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    signal.throwIfAborted();
    const startedMs = performance.now();
    await act(round);
    seconds.push((performance.now() - startedMs) / 1000);
  }
  return seconds;
}
