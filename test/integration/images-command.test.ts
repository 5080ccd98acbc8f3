import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { pollUntil } from "#common/kit/retry.ts";
import { runCommandLine } from "#support/api.ts";
import type { CommandLineRun } from "#support/api.ts";

import { hasSandboxWorld, host, imageOf, manifestOf, startSandboxWorld } from "../e2e/sandbox-world.ts";
import type { SandboxWorld } from "../e2e/sandbox-world.ts";

// What a person and a pipeline see of images, through all services: the nodes' platforms, a registry that
// cannot be read, and how waiting for an image ends.

const unreadable = manifestOf("lost").replaceAll(
  imageOf("lost", "1.0.0"),
  "registry.invalid/acme/lost:1.0.0",
);

describe.runIf(hasSandboxWorld())("images on the command line", () => {
  let world: SandboxWorld;
  beforeAll(async () => {
    world = await startSandboxWorld({ services: ["web"], workers: 1, running: [unreadable] });
  });
  afterAll(async () => await world?.stop());

  const slipway = (...args: string[]): Promise<CommandLineRun> => runCommandLine(world.installation, args);
  const until = (what: string, holds: () => Promise<boolean>) =>
    pollUntil(holds, { everyMs: 200, timeoutMs: 30_000, what });

  test("what no node of the cluster can run is marked, and a release of the latest passes over it", async () => {
    world.registry.addImage("acme/web", "2.0.0", {
      createdAt: new Date("2026-02-01T09:00:00Z"),
      platforms: ["linux/arm64"],
    });
    const refreshed = await slipway("images", "web", "--refresh", "-o", "wide");
    expect(refreshed).toMatchObject({ code: 0, stderr: "" });
    expect(refreshed.stdout).toMatch(/2\.0\.0 \(no node runs it\) .*they are linux\/amd64$/m);
    // The list of all workloads is made of what was read a moment ago.
    await until("the mark in the list of all", async () =>
      (await slipway("images", "-n", "shop")).stdout.includes("2.0.0 (no node runs it)"),
    );
    const plan = await slipway("release", "web", "--latest", "--dry-run");
    expect(plan.stdout).toMatch(/1\.0\.0 -> 1\.2\.0 .*1 newer that no node can run/);
  });

  test("a registry that cannot be read is told in plain words, with what to do, beside what can", async () => {
    await until("the registry to be asked", async () => {
      const { stdout, stderr } = await slipway("images", "-n", "shop");
      return stdout.includes("1.2.0") && stderr.includes("registry.invalid/acme/lost: ");
    });
    const { code, stdout, stderr } = await slipway("images", "lost");
    expect(code).toBe(0);
    expect(stdout).toMatch(/registry\.invalid\/acme\/lost +The registry cannot be reached$/m);
    expect(stderr).toMatch(/no host of this name|cannot be resolved/);
    expect(stderr).toMatch(/\(REGISTRY_UNAVAILABLE\)\n {2}Look at its name/);
  });

  test("waiting for an image ends by its exit code: there, not in time, cancelled, not over yet", async () => {
    const release = (tag: string, ...more: string[]) =>
      slipway("release", "web", "-i", imageOf("web", tag), "-y", ...more);
    expect(await release("absent")).toMatchObject({ code: 1 });
    const late = await release("absent", "--wait-for-image", "1s");
    expect(late.code).toBe(1);
    expect(late.stderr).toContain("IMAGE_NOT_FOUND");

    const early = await release("absent", "--wait-for-image", "10m", "--timeout", "1s");
    expect(early.code).toBe(4);
    const [waiting] = await world.api.jobs("?phase=waiting");
    const job = waiting?.id ?? "";
    const watching = slipway("job", job, "-w");
    expect((await slipway("cancel", job)).code).toBe(0);
    expect((await watching).code).toBe(5);

    const pushed = release("1.3.0", "--wait-for-image", "10m");
    await until("the wait", async () => (await world.api.jobs("?phase=waiting")).length > 0);
    world.registry.addImage("acme/web", "1.3.0", { createdAt: new Date("2026-03-01T09:00:00Z") });
    expect(await pushed).toMatchObject({ code: 0, stdout: expect.stringContaining("1.0.0 -> 1.3.0") });
    expect(await world.declared("web")).toBe(`${host}/acme/web:1.3.0`);
  });
});
