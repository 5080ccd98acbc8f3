import { expect, test } from "vitest";

import { judgeClock, judgeReadiness, judgeTls, judgeVersions } from "../doctor/judge.ts";
import { runCli } from "../program.ts";
import { aCheck } from "../testing/checked.ts";
import { problem } from "../testing/fake-api.ts";
import type { Routes } from "../testing/fake-api.ts";
import { createFakeIo } from "../testing/run.ts";
import { createTyped } from "../testing/typed.ts";
import { version } from "../version.ts";

const slipway = createTyped();

const parts = { postgres: "ok", "queue on redis": "ok", "cluster-watcher": "ok" };
const well: Routes = {
  livez: () => ({ json: { alive: true } }),
  readyz: () => ({ json: { ready: true, failing: [], dependencies: parts } }),
  openapi: () => ({ json: { info: { version } } }),
};

/** The clock of the tests stands still in 2026; that of the fake server is real. */
const withoutClock = (out: string) =>
  out
    .split("\n")
    .filter((line) => !/ clock | {18}set both by NTP/.test(line))
    .map((line) => line.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "URL").replace(/\d+ ms/, "N ms"))
    .join("\n");

test("all that is well is a line each", async () => {
  const ran = await slipway(["doctor"], well);
  expect(withoutClock(ran.out).split("\n").slice(1, -1)).toEqual([
    " ✔ server            URL (from SLIPWAY_URL)",
    " ✔ reach             answers in N ms",
    " ✔ tls               plain http, on this machine",
    ` ✔ version           ${version}, here and there`,
    " ✔ postgres          answers",
    " ✔ queue on redis    answers",
    " ✔ cluster-watcher   answers",
    ' ✔ token             counts as "ann", releaser of everything; sees default',
    " ✔ default           apply, git at 9c1e2f4, Kubernetes v1.34.1; 2 live, 2 declared, 2 matched",
  ]);
});

test("each thing that is wrong is told with what to do, and the exit code is 1", async () => {
  const push = { ok: false, code: "GIT_REFUSED", detail: "read-only token", hint: "give it write" };
  const ran = await slipway(["doctor"], {
    ...well,
    readyz: () => ({
      status: 503,
      json: {
        ready: false,
        failing: ["postgres"],
        dependencies: { ...parts, postgres: "STORE_UNAVAILABLE", "release-worker a:1": "UNAVAILABLE" },
      },
    }),
    getIdentity: () => ({
      json: {
        name: "ci",
        kind: "token",
        grants: [{ role: "viewer", scope: { namespaces: ["shop"] } }],
        groups: [],
        expiresAt: "2026-11-25T00:00:00Z",
      },
    }),
    checkEnvironment: () => ({
      json: aCheck({ ok: false, git: { ...aCheck().git, push }, warnings: ["w"] }),
    }),
  });
  expect(ran.code).toBe(1);
  expect(ran.out).toContain(
    " ✖ postgres          does not answer (STORE_UNAVAILABLE): nothing can be answered or accepted\n" +
      "                     is Postgres up, and DATABASE_URL of the API right? The API's log says why it was refused\n",
  );
  expect(ran.out).toContain(" ✖ release-worker    a:1 does not answer (UNAVAILABLE)");
  expect(ran.out).toContain(
    `counts as "ci", viewer of namespace shop; sees default\n ! token             it ends at 2026-`,
  );
  expect(ran.out).toContain(
    " ✖ default           git cannot be pushed to: read-only token\n                     give it write\n ! default           w",
  );
  expect(ran.out).toMatch(/\d things are wrong/);
});

test("it ends where the next look needs what is broken", async () => {
  const refused = await slipway(["doctor"], {
    ...well,
    listEnvironments: () => problem(401, "UNAUTHENTICATED"),
  });
  expect(refused.code).toBe(1);
  expect(refused.out).toContain(" ✖ token ");
  expect(refused.out).toContain("slipway login http://");
  expect(refused.server.of("checkEnvironment")).toEqual([]);
  const stranger = await slipway(["doctor"], {
    ...well,
    livez: () => ({ raw: "<html>", status: 200, type: "text/html" }),
  });
  expect(stranger.code).toBe(1);
  expect(stranger.out).toContain("not like a Slipway API");
  const io = createFakeIo(["doctor"]);
  expect(await runCli(io)).toBe(1);
  expect(io.outLines.at(-1)).toBe("1 thing is wrong.");
});

test("programs read the findings, and the names of what is wrong", async () => {
  const json = await slipway(["doctor", "--no-environments", "-o", "json"], well);
  const data = JSON.parse(json.out) as { ok: boolean; findings: { name: string }[] };
  expect(data.findings.map(({ name }) => name)).toContain("token");
  expect(json.server.of("checkEnvironment")).toEqual([]);
  const names = await slipway(["doctor", "-o", "name"], {
    ...well,
    listEnvironments: () => problem(401, "X"),
  });
  expect(names.out.split("\n")).toContain("token");
});

test("a clock is judged by what the Date header can tell", () => {
  const here = { before: new Date("2026-11-23T16:40:00Z"), after: new Date("2026-11-23T16:40:02Z") };
  const states = ["16:40:01", "16:40:20", "16:41:00", "16:38:00", "17:40:00"].map(
    (time) => judgeClock(`Mon, 23 Nov 2026 ${time} GMT`, here).state,
  );
  expect(states).toEqual(["ok", "ok", "warn", "warn", "bad"]);
  expect(judgeClock(`Mon, 23 Nov 2026 17:40:00 GMT`, here).text).toBe(
    "the server's clock is 3598 s ahead of the one here",
  );
  expect(judgeClock(null, here).state).toBe("warn");
});

test("TLS, versions and parts are judged by what they mean", () => {
  const now = new Date("2026-11-23T00:00:00Z");
  const until = (validTo: string) => judgeTls("https://x", { validTo }, now);
  expect(until("Dec 23 00:00:00 2026 GMT")).toMatchObject({ state: "ok" });
  expect(until("Nov 28 00:00:00 2026 GMT")).toMatchObject({
    state: "warn",
    text: "its certificate ends in 5 days",
  });
  expect(judgeTls("http://slipway.example", undefined, now).state).toBe("warn");
  expect(judgeVersions("1.4.2", "1.4.9").state).toBe("ok");
  expect(judgeVersions("1.4.2", "1.5.0")).toMatchObject({
    state: "warn",
    todo: "take the newer command line",
  });
  expect(judgeVersions("2.0.0", "1.9.0")).toMatchObject({
    state: "bad",
    todo: "bring the server up to this version",
  });
  expect(judgeReadiness({ novelty: "UNAVAILABLE" })).toMatchObject([
    { state: "bad", todo: "the API's log says why" },
  ]);
});
