import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { unreachable } from "#common/domain/unreachable.ts";
import type { GitTrial, Trial } from "#proto/slipway/release/v1/release.ts";
import type { GitCache, PushAnswer } from "../git/git-cache.ts";
import type { TipView } from "../planning/tip-view.ts";
import { attempt, bad, good } from "./trial.ts";

export interface CheckGitDeps {
  /** Throws where a secret cannot be read. */
  readonly git: () => Pick<GitCache, "fetchTip" | "tryPush">;
  readonly readTip: (commit: string) => Promise<TipView>;
  readonly laneRef: string;
}

/** Reads the branch as a release would, and asks the host about a push without making it. */
export async function checkGit(
  { git, readTip, laneRef }: CheckGitDeps,
  environment: EnvironmentSettings,
): Promise<{ trial: GitTrial; view: TipView | undefined }> {
  const read = await attempt(async () => readTip(await git().fetchTip()));
  const view = read.value;
  const tip = view?.commit ?? "";
  const push = view === undefined ? unread : await tryPush({ git, laneRef, tip }, environment);
  return { trial: { read: read.trial, tip, files: view?.files.size ?? 0, push }, view };
}

const unread = bad(new SlipwayError("GIT_PUSH_UNKNOWN", { detail: "not asked: the branch cannot be read" }));

async function tryPush(
  { git, laneRef, tip }: Pick<CheckGitDeps, "git" | "laneRef"> & { tip: string },
  { git: { branch, push } }: EnvironmentSettings,
): Promise<Trial> {
  const target = push === "proposal" ? { branch: proposalBranch, base: "" } : { branch, base: tip };
  const answer = await attempt(() => git().tryPush({ ...target, parent: tip, laneRef }));
  return answer.value === undefined ? answer.trial : verdictOf(answer.value);
}

/** Never made: a name that no job has. */
const proposalBranch = "slipway/check";

function verdictOf(answer: PushAnswer): Trial {
  switch (answer.kind) {
    case "landed":
    case "moved":
      // Moved: somebody pushed in between, or the lane's ref is there already. The host took the credential.
      return good;
    case "refused":
      // Nothing was sent that a hook could refuse: the host took the credential and offers less than we would use.
      return { ...good, detail: answer.detail };
    case "failed":
      return bad(new SlipwayError(answer.code, { detail: answer.detail }));
    case "unknown":
      return bad(new SlipwayError("GIT_PUSH_UNKNOWN", { detail: answer.detail }));
    default:
      return unreachable(answer);
  }
}
