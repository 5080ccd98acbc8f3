import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pollUntil } from "#common/kit/retry.ts";
import { startTraceCollector } from "#support/trace-collector.ts";
import type { ToldSpan, TraceCollector } from "#support/trace-collector.ts";

import { hasSandboxWorld, imageOf, namespace, startSandboxWorld } from "./sandbox-world.ts";
import type { SandboxWorld } from "./sandbox-world.ts";

describe.runIf(hasSandboxWorld())("an installation that is watched", () => {
  let collector: TraceCollector;
  let world: SandboxWorld;

  beforeAll(async () => {
    collector = await startTraceCollector();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    world = await startSandboxWorld({ services: ["traced"], workers: 1, rolloutDeadline: "5s", env });
  });
  afterAll(async () => {
    await world?.stop();
    await collector?.stop();
  });

  const release = async (traceId: string) => {
    const { body } = await world.api.ask<{ id: string }>("POST", "/v1/releases", {
      body: { workloads: [`${namespace}/traced`], images: { exact: [imageOf("traced", "1.1.0")] } },
      headers: {
        traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01`,
        "x-request-id": "build-7",
      },
    });
    return world.api.waitForJob(body.id);
  };

  test("shows a release as one trace from the API through the queue to the worker and what it asks by gRPC", async () => {
    const traceId = randomBytes(16).toString("hex");
    const job = await release(traceId);
    expect(job).toMatchObject({ phase: "succeeded" });
    const spans = await pollUntil(
      async () => {
        const mine = collector.spans.filter((span) => span.traceId === traceId);
        return mine.some(({ name }) => name === "apply") && mine.some(isAnsweredByScanner) ? mine : undefined;
      },
      { everyMs: 100, timeoutMs: 20_000, what: "the spans of the release" },
    );
    const named = (service: string, name: string): ToldSpan => {
      const span = spans.find((one) => one.service === service && one.name === name);
      if (span === undefined) throw new Error(`no ${name} of ${service} in ${JSON.stringify(spans)}`);
      return span;
    };
    const request = named("api", "POST /v1/releases");
    for (const name of ["wait for the lane", "plan", "push", "apply"])
      expect(named("release-worker", name).parentSpanId).toBe(request.spanId);
    const answered = spans.find(isAnsweredByScanner);
    const asked = spans.find(({ spanId }) => spanId === answered?.parentSpanId);
    expect(asked).toMatchObject({ service: "release-worker", name: answered?.name });
    expect(asked?.parentSpanId).toBe(named("release-worker", "plan").spanId);
  });

  test("has a job's id and its request's on every line that the worker writes of it", async () => {
    const lines = (await world.logOf("release-worker-1")).filter(({ requestId }) => requestId === "build-7");
    expect(lines.map(({ text }) => text)).toEqual(expect.arrayContaining(["job taken", "pushed"]));
    expect(new Set(lines.map(({ job }) => job)).size).toBe(1);
    expect(lines[0]?.["job"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("takes new settings up while it runs, and keeps the old ones when the new have mistakes", async () => {
    const good = await readFile(world.settingsFile, "utf8");
    const wanted = { workloads: [`${namespace}/traced`], images: { exact: [imageOf("traced", "1.2.0")] } };
    const refusal = async (): Promise<string> =>
      (await world.api.ask<{ code: string }>("POST", "/v1/releases", { body: wanted })).body.code;
    const poll = { everyMs: 100, timeoutMs: 20_000, what: "the new settings" };
    /** Both the API and the worker show it. */
    const shown = (refused: 0 | 1): Promise<unknown> =>
      pollUntil(async () => {
        const pages = ["api", "release-worker-1"].map(async (name) =>
          (await fetch(`${world.installation.operations.get(name)}/metrics`)).text(),
        );
        const figure = new RegExp(`^slipway_settings_refused\\{.*\\} ${refused}$`, "m");
        return (await Promise.all(pages)).every((page) => figure.test(page));
      }, poll);
    const takenUp = async (): Promise<boolean> =>
      (await world.logOf("release-worker-1")).some(({ text }) => text === "new settings were taken up");
    await writeFile(world.settingsFile, good.replace('"mode":"apply"', '"mode":"observe"'));
    await pollUntil(async () => (await refusal()) === "ENVIRONMENT_OBSERVED" && takenUp(), poll);
    await writeFile(world.settingsFile, good.replace('"mode":"apply"', '"mode":"applied"'));
    await shown(1);
    expect(await refusal()).toBe("ENVIRONMENT_OBSERVED");
    await writeFile(world.settingsFile, good);
    await shown(0);
    const { id } = await world.api.release(wanted);
    expect(await world.api.waitForJob(id)).toMatchObject({ phase: "succeeded" });
  });
});

function isAnsweredByScanner({ service, name }: ToldSpan): boolean {
  return service === "registry-scanner" && name.startsWith("slipway.registry.v1.");
}
