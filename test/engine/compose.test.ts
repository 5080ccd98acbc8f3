import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { freePort } from "#common/kit/child.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { createTestApi, runCommandLine, type TestApi } from "#support/api.ts";

import { buildImages, howToGetEngine, images, openEngine, type Engine } from "./engine.ts";

const engine = await openEngine();
if (engine === undefined) {
  const skipped = `skipped for want of a container engine. ${howToGetEngine}`;
  if (process.env["REQUIRE_ENGINE"] === "1") throw new Error(skipped);
  process.stderr.write(`test:compose ${skipped}\n`);
}

const mebibyte = 1024 * 1024;
const frontEnd = "sock-shop/front-end";
const newest = "7f511af2d21fd601b86b3bed7baa6adfa9c8c669";

describe.runIf(engine !== undefined)("the images and docker-compose.yml", () => {
  const { docker, compose, logs, stop } = engine as Engine;
  const project = `slipway-test-${process.pid}`;
  let folder: string;
  let api: TestApi;
  const place = { url: "", token: "compose-test-token-of-24-letters" };

  const inProject = (args: readonly string[]): Promise<string> =>
    compose([
      "--env-file",
      join(folder, "env"),
      "-p",
      project,
      "-f",
      "docker-compose.yml",
      "-f",
      "compose.demo.yml",
      ...args,
    ]);
  const slipway = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCommandLine(place, args);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };
  const containersOf = async (service: string): Promise<readonly string[]> => {
    const label = (name: string, value: string) => ["--filter", `label=com.docker.compose.${name}=${value}`];
    const listed = await docker(["ps", "-q", ...label("project", project), ...label("service", service)]);
    return listed.split("\n").filter((id) => id !== "");
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-compose-"));
    await buildImages(engine as Engine);
    const port = await freePort();
    place.url = `http://127.0.0.1:${port}`;
    const env = {
      POSTGRES_PASSWORD: "compose-postgres-password",
      REDIS_PASSWORD: "compose-redis-password",
      SLIPWAY_ADMIN_TOKEN: place.token,
      SLIPWAY_PUBLISH: `127.0.0.1:${port}`,
      SLIPWAY_IMAGE: images.slipway,
      SLIPWAY_DEMO_IMAGE: images.demo,
      POSTGRES_IMAGE: images.stores,
      REDIS_IMAGE: images.stores,
    };
    const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(join(folder, "env"), lines.join(""));
    await inProject(["up", "-d", "--scale", "release-worker=3"]);
    const [container = ""] = await containersOf("api");
    const healthy = async (): Promise<boolean> =>
      (await docker(["inspect", "-f", "{{.State.Health.Status}}", container])).trim() === "healthy";
    await pollUntil(healthy, { everyMs: 500, timeoutMs: 60_000, what: "an API that is ready" });
    api = createTestApi(place);
  });
  afterAll(async () => {
    if (folder !== undefined) {
      await inProject(["down", "--volumes", "--timeout", "20"]);
      await rm(folder, { recursive: true, force: true });
    }
    await stop();
  });

  test("the image is at most 250 MB, for a user without rights, and holds no package manager", async () => {
    const [size = "", user] = (
      await docker(["image", "inspect", "-f", "{{.Size}} {{.Config.User}}", images.slipway])
    )
      .trim()
      .split(" ");
    process.stderr.write(`image: ${Math.round(Number(size) / mebibyte)} MiB\n`);
    expect(Number(size)).toBeLessThanOrEqual(250_000_000);
    expect(user).toBe("65532:65532");
    const look = `const { existsSync } = require("node:fs");
      const found = ["/usr/bin/apt", "/usr/local/bin/npm", "/app/node_modules/vitest", "/app/sandbox", "/app/services/api/app.test.ts"].filter((path) => existsSync(path));
      console.log(JSON.stringify({ found, services: existsSync("/app/services/api/main.ts") }));`;
    const said = await docker([
      "run",
      "--rm",
      "--read-only",
      "--network",
      "none",
      images.slipway,
      "-e",
      look,
    ]);
    expect(JSON.parse(said)).toEqual({ found: [], services: true });
  });

  test("three workers play the story of 2016: list, release the latest, read the steps, roll back", async () => {
    expect(await containersOf("release-worker")).toHaveLength(3);
    const ready = async (): Promise<boolean> => {
      const { workloads } = await api.workloads("?namespace=sock-shop");
      return workloads.filter((one) => one.declared !== null && one.release.state === "ready").length >= 13;
    };
    await pollUntil(ready, { everyMs: 500, timeoutMs: 60_000, what: "thirteen services that are ready" });
    const scanned = async (): Promise<boolean> =>
      (await slipway(["list-images", "--service", frontEnd, "--limit", "3"])).includes(newest);
    await pollUntil(scanned, { everyMs: 500, timeoutMs: 60_000, what: "images of the front-end" });
    expect(await slipway(["release", frontEnd, "--latest", "-y"])).toContain(`0.2.0 -> ${newest}`);
    const [job] = await api.jobs("?limit=1");
    const steps = await api.steps(job?.id ?? "");
    expect(steps.map((step) => step.text)).toContain(`${frontEnd} is healthy.`);
    expect(await slipway(["rollback", job?.id ?? "", "-y"])).toContain(`${newest} -> 0.2.0`);
  });

  test("a worker that is killed in the middle of a release loses nothing", async () => {
    const accepted = await api.release({ workloads: [frontEnd], images: "latest" });
    const begun = async (): Promise<boolean> => (await api.job(accepted.id)).phase !== "queued";
    await pollUntil(begun, { everyMs: 20, timeoutMs: 30_000, what: "a job that was begun" });
    const holder = await findHolder(accepted.id);
    await docker(["kill", holder]);
    const ended = await api.waitForJob(accepted.id, 90_000);
    expect(ended).toMatchObject({ phase: "succeeded", error: null });
    const steps = await api.steps(accepted.id);
    expect(steps.map((step) => step.number)).toEqual(steps.map((_step, index) => index + 1));
  });

  test("a worker that is stopped ends by itself within its grace, and hands back what it held", async () => {
    const [worker = ""] = await containersOf("release-worker");
    await docker(["stop", "-t", "45", worker]);
    // 137 would say that the engine had to kill it.
    expect((await docker(["inspect", "-f", "{{.State.ExitCode}}", worker])).trim()).toBe("0");
    const accepted = await api.release({
      workloads: [frontEnd],
      images: { exact: ["weaveworksdemos/front-end:0.2.0"] },
    });
    expect(await api.waitForJob(accepted.id, 60_000)).toMatchObject({ phase: "succeeded" });
  });

  test("nobody reads another's key, and the stores reach nobody", async () => {
    const [apiContainer = ""] = await containersOf("api");
    const list = `console.log(require("node:fs").readdirSync("/certs").sort().join(" "))`;
    const seen = await docker(["exec", apiContainer, "/usr/local/bin/node", "-e", list]);
    expect(seen.trim()).toBe("ca.crt tls.crt tls.key");
    const internal = await docker(["network", "inspect", "-f", "{{.Internal}}", `${project}_stores`]);
    expect(internal.trim()).toBe("true");
  });

  /** The worker whose log tells that it took the job. */
  async function findHolder(job: string): Promise<string> {
    let holder: string | undefined;
    const look = async (): Promise<boolean> => {
      for (const id of await containersOf("release-worker")) {
        if ((await logs(id)).includes(job)) holder = id;
      }
      return holder !== undefined;
    };
    await pollUntil(look, { everyMs: 20, timeoutMs: 30_000, what: "the worker that took the job" });
    return holder ?? "";
  }
});
