import { afterEach, expect, test } from "vitest";

import { createApiClient } from "./api-client.ts";
import { followJob } from "./follow.ts";
import type { FollowEvent } from "./follow.ts";
import { createTransport } from "./http.ts";
import { framesOf, problem, startFakeApi } from "./testing/fake-api.ts";
import type { FakeApi, Routes } from "./testing/fake-api.ts";
import { createHastyClock } from "./testing/run.ts";
import { aJob, aSucceededJob, aWorkload, freshAge, jobId, seedSteps } from "./testing/seed.ts";
import { version } from "./version.ts";

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

async function start(routes: Routes = {}) {
  api = await startFakeApi(routes);
  return { server: api, ...clientOf(api.url) };
}

function clientOf(url: string) {
  const clock = createHastyClock();
  const transport = createTransport({
    target: { url, token: "secret-token", source: "--url" },
    clock,
    userAgent: "slipway/test",
  });
  return { client: createApiClient(transport), clock };
}

async function follow(deps: Awaited<ReturnType<typeof start>>): Promise<readonly FollowEvent[]> {
  const events: FollowEvent[] = [];
  const signal = AbortSignal.timeout(10_000);
  for await (const event of followJob({ api: deps.client, clock: deps.clock }, jobId, signal))
    events.push(event);
  return events;
}

const numbers = (events: readonly FollowEvent[]) =>
  events.flatMap((event) => (event.kind === "step" ? [event.step.number] : []));

test("a request carries token and agent, and reads every page", async () => {
  const { server, client } = await start({
    listWorkloads: ({ query }) => ({
      json: {
        workloads: [aWorkload(query.get("cursor") === null ? "first" : "second", "x:1")],
        age: freshAge,
        next: query.get("cursor") === null ? "more" : null,
      },
    }),
  });
  const page = await client.workloads({ namespace: "sock-shop" });
  expect(page.workloads.map(({ name }) => name)).toEqual(["first", "second"]);
  expect(server.asked[0]?.headers).toMatchObject({
    authorization: "Bearer secret-token",
    "user-agent": "slipway/test",
  });
  expect(server.asked[0]?.query.get("namespace")).toBe("sock-shop");
});

test("a POST whose answer was lost is sent again with the same key", async () => {
  const { server, client } = await start({
    createRelease: ({ count }) =>
      count === 1
        ? { cut: true }
        : count === 2
          ? problem(503, "STORE_UNAVAILABLE")
          : { status: 202, json: aJob() },
  });
  const job = await client.release({ workloads: ["a/b"], images: "latest" }, "key-7");
  expect(job.id).toBe(jobId);
  expect(server.of("createRelease").map(({ headers }) => headers["idempotency-key"])).toEqual([
    "key-7",
    "key-7",
    "key-7",
  ]);
});

test("a problem keeps code, detail, hint and candidates; its exit code follows its kind", async () => {
  const refuse = async (status: number, code: string, more = {}) => {
    const { client } = await start({ getJob: () => problem(status, code, more) });
    return await client.job(jobId).catch((error: unknown) => error);
  };
  expect(
    await refuse(400, "WORKLOAD_AMBIGUOUS", {
      detail: "d",
      hint: "h",
      requestId: "r-1",
      facts: { candidates: ["a:deployment/b", 7] },
    }),
  ).toMatchObject({
    exitCode: 2,
    parts: { detail: "d", hint: "h", requestId: "r-1", candidates: ["a:deployment/b"] },
  });
  await api?.close();
  expect(await refuse(401, "UNAUTHENTICATED")).toMatchObject({
    exitCode: 6,
    parts: { hint: expect.stringContaining("slipway login") },
  });
  await api?.close();
  expect(await refuse(409, "JOB_TOO_LATE")).toMatchObject({ exitCode: 6, code: "JOB_TOO_LATE" });
});

test("another kind of server is recognised as such", async () => {
  const { client } = await start({
    getJob: () => ({ raw: "<html>hello</html>", status: 200, type: "text/html" }),
    listEnvironments: () => ({ json: {}, status: 302, headers: { location: "https://login.example" } }),
  });
  await expect(client.job(jobId)).rejects.toMatchObject({ code: "NOT_SLIPWAY", exitCode: 6 });
  await expect(client.environments()).rejects.toThrow("sends us on to https://login.example");
});

test("a server that is not there is exit 6 with the reason and what to do", async () => {
  const { server } = await start();
  const { client } = clientOf(server.url);
  await server.close();
  await expect(client.environments()).rejects.toMatchObject({
    exitCode: 6,
    message: expect.stringContaining("ECONNREFUSED"),
    parts: { hint: expect.stringContaining("--url") },
  });
});

test("a job is followed by its stream to the end", async () => {
  const deps = await start();
  const events = await follow(deps);
  expect(numbers(events)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(events.at(-1)).toMatchObject({ kind: "end", job: { phase: "succeeded" } });
  expect(deps.server.of("listSteps")).toHaveLength(0);
});

test("a stream that is cut goes on from the last event", async () => {
  const frames = framesOf(seedSteps, aSucceededJob());
  const deps = await start({
    followJob: ({ headers, count }) => {
      const from = Number(headers["last-event-id"] ?? 0);
      return { events: frames.slice(from, count === 1 ? 5 : count === 2 ? from + 3 : undefined) };
    },
  });
  expect(numbers(await follow(deps))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(deps.server.of("followJob").map(({ headers }) => headers["last-event-id"])).toEqual([
    undefined,
    "5",
    "8",
  ]);
});

test("where streams do not get through, steps are polled from where the stream stopped", async () => {
  const frames = framesOf(seedSteps, aSucceededJob());
  const deps = await start({
    followJob: ({ count }) => (count === 1 ? { events: frames.slice(0, 4) } : { cut: true }),
    getJob: ({ count }) => ({ json: count < 3 ? aJob({ phase: "rolling-out" }) : aSucceededJob() }),
  });
  const events = await follow(deps);
  expect(numbers(events)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(events.at(-1)?.kind).toBe("end");
  expect(deps.server.of("listSteps")[0]?.query.get("after")).toBe("4");
});

test("a server without streams is polled at once, a refusal ends the following", async () => {
  const polled = await start({ followJob: () => problem(404, "NOT_FOUND") });
  expect((await follow(polled)).at(-1)?.kind).toBe("end");
  expect(polled.server.of("followJob")).toHaveLength(1);
  await polled.server.close();
  const refused = await start({ followJob: () => problem(403, "FORBIDDEN") });
  await expect(follow(refused)).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("a server that comes back within a minute is waited for, and no longer", async () => {
  const back = await start({
    followJob: () => ({ cut: true }),
    getJob: ({ count }) => (count < 20 ? problem(503, "UNAVAILABLE") : { json: aSucceededJob() }),
  });
  expect((await follow(back)).at(-1)?.kind).toBe("end");
  await back.server.close();
  const gone = await start({
    followJob: () => ({ cut: true }),
    getJob: () => problem(503, "UNAVAILABLE"),
  });
  await expect(follow(gone)).rejects.toMatchObject({ exitCode: 6 });
  expect(gone.clock.monotonicMs()).toBeGreaterThan(60_000);
});

test("the version told is the package's", async () => {
  const { default: manifest } = await import("../package.json", { with: { type: "json" } });
  expect(version).toBe(manifest.version);
});
