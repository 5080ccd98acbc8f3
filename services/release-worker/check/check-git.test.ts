import { expect, test } from "vitest";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { PushAnswer, TryPush } from "../git/git-cache.ts";
import type { TipView } from "../planning/tip-view.ts";
import { checkGit, type CheckGitDeps } from "./check-git.ts";

function environment(push: "direct" | "proposal" = "direct"): EnvironmentSettings {
  return { git: { branch: "main", push } } as EnvironmentSettings;
}

function deps(answer: PushAnswer | SlipwayError, asked: TryPush[] = []): CheckGitDeps {
  return {
    git: () => ({
      fetchTip: async () => "aaa",
      async tryPush(attempt) {
        asked.push(attempt);
        if (answer instanceof SlipwayError) throw answer;
        return answer;
      },
    }),
    readTip: async (commit) => ({ commit, files: new Map([["a.yaml", {}]]) }) as unknown as TipView,
    laneRef: "refs/slipway/test/main",
  };
}

const pushOf = async (answer: PushAnswer | SlipwayError) =>
  (await checkGit(deps(answer), environment())).trial.push;

test("reads the branch and asks about a push of it", async () => {
  const asked: TryPush[] = [];
  const { trial, view } = await checkGit(deps({ kind: "landed" }, asked), environment());
  expect(trial).toMatchObject({ read: { ok: true }, tip: "aaa", files: 1, push: { ok: true } });
  expect(view?.commit).toBe("aaa");
  expect(asked).toEqual([{ branch: "main", base: "aaa", parent: "aaa", laneRef: "refs/slipway/test/main" }]);
  asked.length = 0;
  await checkGit(deps({ kind: "landed" }, asked), environment("proposal"));
  expect(asked).toMatchObject([{ branch: "slipway/check", base: "" }]);
});

test("a host that took the credential may be pushed to, whatever else it said", async () => {
  expect(await pushOf({ kind: "moved", detail: "stale info" })).toMatchObject({ ok: true });
  expect(await pushOf({ kind: "refused", detail: "no atomic pushes", explicit: true })).toMatchObject({
    ok: true,
    detail: "no atomic pushes",
  });
});

test("a refused credential is told with the host's reason", async () => {
  expect(await pushOf({ kind: "failed", detail: "403", code: "GIT_AUTH_FAILED" })).toMatchObject({
    ok: false,
    code: "GIT_AUTH_FAILED",
    detail: "403",
  });
  expect(await pushOf({ kind: "unknown", detail: "no answer" })).toMatchObject({ code: "GIT_PUSH_UNKNOWN" });
  expect(await pushOf(new SlipwayError("DISK_FULL"))).toMatchObject({ ok: false, code: "DISK_FULL" });
});

test("what cannot be read is not pushed to, a missing secret included", async () => {
  const git = () => {
    throw new SlipwayError("SETTINGS_INVALID", {
      detail: "the file of the token is not there",
      hint: "make it",
    });
  };
  const { trial, view } = await checkGit({ ...deps({ kind: "landed" }), git }, environment());
  expect(trial.read).toEqual({
    ok: false,
    code: "SETTINGS_INVALID",
    detail: "the file of the token is not there",
    hint: "make it",
  });
  expect([trial.push?.ok, trial.tip, view]).toEqual([false, "", undefined]);
});
