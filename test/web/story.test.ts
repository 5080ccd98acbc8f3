import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { branch, repository } from "#sandbox/demo/world.ts";

import { hasWebWorld, startWebWorld } from "./web-world.ts";
import type { WebWorld } from "./web-world.ts";

/** Goes from button to button by the Tab key until it stands on this one. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const button = page.getByRole("button", { name });
  await button.waitFor();
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await page.locator("button:focus").filter({ hasText: name }).count()) > 0) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not lead to ${String(name)}`);
}

const file = "deploy/front-end.yaml";
const newest = "7f511af2d21fd601b86b3bed7baa6adfa9c8c669";
const frontEnd = "/workloads/default/sock-shop/deployment/front-end";

describe.runIf(hasWebWorld())("the page, in a real browser", () => {
  let web: WebWorld;
  beforeAll(async () => {
    web = await startWebWorld();
  });
  afterAll(async () => web?.stop());

  const readFile = async () => (await web.world.git.readFile(repository, branch, file)).toString();

  test("plays the 2016 story by mouse: list, images, release, watch, roll back", async () => {
    const before = await readFile();
    const { page, faults, close } = await web.open("/");
    const row = page.locator('[data-workload="sock-shop:deployment/front-end"]');
    await row.getByText("9 behind").waitFor();
    expect(await row.innerText()).toContain("0.2.0");
    await row.getByRole("link", { name: "front-end", exact: true }).click();
    const images = page.getByRole("table", { name: /Images of front-end/ });
    await images.getByText("running").waitFor();
    const tags = await images.locator("tbody th").allInnerTexts();
    expect([tags[0], tags.at(-1)]).toEqual(["7f511af2", "0.2.0"]);
    await page.getByRole("button", { name: /Release the newest/ }).click();
    const panel = page.getByRole("complementary", { name: "Release to default" });
    await panel.getByText(`image: weaveworksdemos/front-end:${newest}`).waitFor();
    await panel.getByLabel("Why").fill("<b>ship</b> it");
    await panel.getByRole("button", { name: "Release 0.2.0 → 7f511af2" }).click();
    await page
      .getByRole("heading", { level: 1, name: /front-end 0.2.0 → 7f511af2 on default: succeeded in/ })
      .waitFor();
    await page.getByText("sock-shop/front-end is healthy.").waitFor();
    expect(await page.getByText("<b>ship</b> it").count()).toBeGreaterThan(0);
    expect(await readFile()).toContain(newest);
    await page.getByRole("button", { name: "Roll back…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await page
      .getByRole("heading", { level: 1, name: /7f511af2 → 0.2.0 on default: succeeded in/ })
      .waitFor();
    await page.getByText(/It undoes job/).waitFor();
    expect(await readFile()).toBe(before);
    expect(faults).toEqual([]);
    await close();
  });

  test("plays it by keyboard alone", async () => {
    const before = await readFile();
    const { page, faults, close } = await web.open("/");
    const { keyboard } = page;
    await page.locator('[data-workload="sock-shop:deployment/front-end"]').waitFor();
    await keyboard.press("/");
    await keyboard.type("front-end");
    await page.getByText("1 of 13 workloads").waitFor();
    await keyboard.press("Enter");
    await keyboard.press("j");
    await page.locator(".workload-row.selected").waitFor();
    await keyboard.press("r");
    await tabTo(page, /^Release 0\.2\.0 →/);
    await keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /succeeded in/ }).waitFor();
    await tabTo(page, /^Roll back…$/);
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await keyboard.type("not today");
    await keyboard.press("Enter");
    await page
      .getByRole("heading", { level: 1, name: /7f511af2 → 0.2.0 on default: succeeded in/ })
      .waitFor();
    expect(await readFile()).toBe(before);
    await keyboard.press("g");
    await keyboard.press("j");
    await page.getByRole("table", { name: /Jobs/ }).waitFor();
    await keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(faults).toEqual([]);
    await close();
  });

  test("shows a rollout that fails as it does, to two browsers at once, and undoes it", async () => {
    web.world.registry.addImage("weaveworksdemos/front-end", "0.3.0-broken", {
      createdAt: new Date("2016-11-20T10:00:00Z"),
    });
    const before = await readFile();
    const one = await web.open(frontEnd);
    await one.page.getByRole("button", { name: "Ask the registry" }).click();
    await one.page.getByRole("button", { name: "Release 0.3.0-broken to front-end" }).click();
    await one.page.getByRole("button", { name: "Release 0.2.0 → 0.3.0-broken" }).click();
    await one.page.waitForURL(/\/jobs\//);
    const two = await web.open(new URL(one.page.url()).pathname);
    for (const { page } of [one, two]) {
      await page.getByRole("heading", { level: 1, name: /rolling out/ }).waitFor();
    }
    for (const { page } of [one, two]) {
      await page.getByRole("heading", { level: 1, name: /failed in/ }).waitFor({ timeout: 60_000 });
      await page
        .locator(".step.failed")
        .getByText(/ImagePullBackOff/)
        .first()
        .waitFor();
    }
    await two.close();
    await one.page.goto(`${web.url}/`);
    await one.page.locator(".line-head.bad").getByText("Failing").waitFor();
    await one.page
      .locator(".release-state.bad")
      .getByText(/ImagePullBackOff/)
      .waitFor();
    await one.page.goBack();
    await one.page.getByRole("button", { name: "Roll back…" }).click();
    await one.page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await one.page.getByRole("heading", { level: 1, name: /→ 0.2.0 on default: succeeded/ }).waitFor();
    expect(await readFile()).toBe(before);
    expect(one.faults).toEqual([]);
    await one.close();
  });

  test("says when the server is away, and goes on by itself when it is back", async () => {
    const { page, faults, close } = await web.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    await web.installation.restartApi(async () => {
      await page.getByText("No connection to the server.").waitFor();
      await page.getByText(/^Offline/).waitFor();
      expect(await page.locator("[data-workload]").count()).toBeGreaterThan(10);
    });
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByText("No connection to the server.").waitFor({ state: "detached" });
    await web.api("PUT", "/v1/environments/default/freeze", { reason: "after the restart" });
    await page.getByText("after the restart").waitFor();
    await web.api("DELETE", "/v1/environments/default/freeze");
    await page.getByText("after the restart").waitFor({ state: "detached" });
    expect(faults).toEqual([]);
    await close();
  });
});
