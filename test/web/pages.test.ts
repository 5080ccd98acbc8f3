import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { hasWebWorld, startWebWorld } from "./web-world.ts";
import type { WebWorld } from "./web-world.ts";

const frontEnd = "/workloads/default/sock-shop/deployment/front-end";

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

describe.runIf(hasWebWorld())("each page", () => {
  let web: WebWorld;
  let axe: string;
  let job: string;
  beforeAll(async () => {
    web = await startWebWorld();
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    ({ id: job } = await web.api<{ id: string }>("POST", "/v1/releases", {
      workloads: ["sock-shop/front-end"],
      images: "latest",
      message: "</script><img src=x onerror=alert(1)> \u202eabc مرحبا",
    }));
    await web.api("GET", `/v1/jobs/${job}?wait=60s`);
  });
  afterAll(async () => web?.stop());

  /** What stands between somebody and the page, by the rules of WCAG A and AA. */
  async function violations(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe);
    const found = await page.evaluate<readonly Violation[]>(
      `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }).then((result) => result.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })) })))`,
    );
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  }

  const pages: readonly (readonly [name: string, path: () => string, ready: string, act?: string])[] = [
    ["workloads", () => "/", "[data-workload]"],
    ["a workload with a release panel", () => `${frontEnd}?release=latest`, ".panel .diff, .panel .skips"],
    [
      "a release of several",
      () => "/release?environment=default&workload=sock-shop%3Adeployment%2Fcart",
      ".plan",
    ],
    ["jobs", () => "/jobs", "table.jobs"],
    ["a job", () => `/jobs/${job}`, ".step"],
    ["environments", () => "/environments", ".trials", "Check all connections"],
    ["nothing", () => "/jobs/00000000-0000-7000-8000-000000000000", "[role=alert]"],
  ];

  test.each(["light", "dark"] as const)("is without violations in the %s theme", async (colorScheme) => {
    const { page, faults, close } = await web.open("/", { colorScheme, reducedMotion: "reduce" });
    await page.locator("[data-workload]").first().waitFor();
    for (const [name, path, ready, act] of pages) {
      await page.goto(`${web.url}${path()}`);
      if (act !== undefined) await page.getByRole("button", { name: act }).click();
      await page.locator(ready).first().waitFor();
      expect(await violations(page), name).toEqual([]);
    }
    await page.goto(`${web.url}/`);
    await page.locator("[data-workload]").first().waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    expect(await violations(page), "help").toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    expect(await violations(page), "sign in").toEqual([]);
    expect(faults).toEqual([]);
    await close();
  });

  test("shows markup and right-to-left text as they are", async () => {
    const { page, faults, close } = await web.open(`/jobs/${job}`);
    await page.locator(".facts").getByText("onerror=alert(1)").waitFor();
    expect(await page.locator("main img").count()).toBe(0);
    expect(faults).toEqual([]);
    await close();
  });

  test("tells that a job is not there, with its short id", async () => {
    const { page, close } = await web.open("/jobs/ffffffff");
    await page.getByRole("alert").getByText("No such job").waitFor();
    await page.getByRole("link", { name: "JOB_NOT_FOUND" }).waitFor();
    await close();
  });

  test("asks for the token again when the session has ended, and goes on where it was", async () => {
    const { page, close } = await web.open(
      "/workloads/default/sock-shop/deployment/queue-master?release=latest",
    );
    await page.getByLabel("Why").fill("kept");
    await page.context().clearCookies();
    const dialog = page.getByRole("dialog", { name: "Your session has ended" });
    // What the page asks by itself may be refused first: then the dialog lies over the button.
    const ask = page.getByRole("button", { name: "Ask the registry" });
    const asked = ask.click({ timeout: 5_000 }).catch(() => undefined); // in vain: as good
    await dialog.waitFor();
    await asked;
    await dialog.getByLabel("Token").fill("wrong");
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.getByText("unknown, expired or revoked").waitFor();
    await dialog.getByLabel("Token").fill(web.token);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await page.getByLabel("Why").inputValue()).toBe("kept");
    await close();
  });

  test("tells before a release that it would wait for a freeze", async () => {
    await web.api("PUT", "/v1/environments/default/freeze", {
      namespace: "sock-shop",
      reason: "stocktaking",
    });
    const { page, close } = await web.open("/workloads/default/sock-shop/deployment/shipping?release=latest");
    await page.getByText("sock-shop is frozen (stocktaking): the job will wait for its end.").waitFor();
    await web.api("DELETE", "/v1/environments/default/freeze?namespace=sock-shop");
    await page.getByText("the job will wait for its end").waitFor({ state: "detached" });
    await close();
  });

  test("offers a viewer nothing that a viewer may not do", async () => {
    const { secret } = await web.api<{ secret: string }>("POST", "/v1/tokens", {
      name: "guest",
      role: "viewer",
    });
    const { page, close } = await web.open("/", { token: secret });
    await page.locator("[data-workload]").first().waitFor();
    expect(await page.getByRole("link", { name: /^Release/ }).count()).toBe(0);
    expect(await page.getByRole("checkbox").count()).toBe(0);
    await page.goto(`${web.url}/jobs/${job}`);
    await page.locator(".step").first().waitFor();
    expect(await page.getByRole("button", { name: "Roll back…" }).count()).toBe(0);
    await page.goto(`${web.url}/environments`);
    await page.getByText("Config repository").waitFor();
    expect(await page.getByRole("button", { name: "Freeze…" }).count()).toBe(0);
    await close();
  });

  test("asks a busy server again, and says so when it stays busy", async () => {
    const { page, close } = await web.open("/");
    await page.locator("[data-workload]").first().waitFor();
    let refused = 0;
    await page.route("**/v1/jobs?*", async (route) => {
      refused += 1;
      if (refused > 1) return route.continue();
      return route.fulfill({ status: 429, headers: { "retry-after": "1" }, json: {} });
    });
    await page.goto(`${web.url}/jobs`);
    await page.locator("table.jobs").waitFor();
    expect(refused).toBeGreaterThan(1);
    await page.unrouteAll({ behavior: "ignoreErrors" });
    const problem = { type: "", title: "Not possible now", status: 503, code: "STORE_UNAVAILABLE" };
    await page.route("**/v1/jobs?*", async (route) => route.fulfill({ status: 503, json: problem }));
    await page.goto(`${web.url}/jobs`);
    await page.getByRole("alert").getByText("Not possible now").waitFor();
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("table.jobs").waitFor();
    await close();
  });

  test("goes by the server's clock where the browser's is an hour off", async () => {
    const { page, close } = await web.open("/");
    await page.clock.install({ time: new Date(Date.now() + 3_600_000) });
    await page.goto(`${web.url}/jobs/${job}`);
    await page
      .locator(".head-facts time")
      .getByText(/^(just now|\d+ s ago|\d+ min ago)$/)
      .waitFor();
    await close();
  });

  test("stays in its place with a tag of 64 characters, 20 containers and a narrow screen", async () => {
    const tag = `v${"1234567890".repeat(6)}abc`;
    const { page, close } = await web.open("/", { viewport: { width: 390, height: 800 } });
    await page.route("**/v1/workloads?*", async (route) => {
      const answer = await route.fetch();
      const body = (await answer.json()) as { workloads: { name: string; containers: { name: string }[] }[] };
      const [first] = body.workloads;
      const [container] = first?.containers ?? [];
      if (first !== undefined && container !== undefined) {
        first.containers = Array.from({ length: 20 }, (_, index) => ({
          ...container,
          name: `container-${index}`,
          image: `registry.example.com:5000/team/${"deep/".repeat(8)}image:${tag}`,
        }));
      }
      return route.fulfill({ response: answer, json: body });
    });
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(`${web.url}/`);
      await page.getByText("16 more containers").waitFor();
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
      expect(wide).toBeLessThanOrEqual(width);
    }
    await close();
  });
});
