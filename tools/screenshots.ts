import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";

import { hasWebWorld, startWebWorld } from "../test/web/web-world.ts";
import type { WebWorld } from "../test/web/web-world.ts";

/** `npm run screenshots [-- FOLDER]`: every page and state of it, in both themes and on a narrow screen. */

interface Shot {
  readonly name: string;
  readonly path: string;
  /** There when the page is. */
  readonly ready: string;
  readonly act?: (page: Page) => Promise<void>;
  readonly whole?: boolean;
}

interface Scene {
  readonly web: WebWorld;
  readonly done: string;
  readonly failed: string;
  readonly waiting: string;
}

const frontEnd = "/workloads/default/sock-shop/deployment/front-end";
const folder = resolve(process.argv[2] ?? join(import.meta.dirname, "../.cache/screenshots"));

if (!hasWebWorld()) throw new Error("Chromium and Postgres are needed");
await mkdir(folder, { recursive: true });
const web = await startWebWorld();
try {
  const scene = await setScene(web);
  for (const theme of ["light", "dark"] as const) await takeAll(scene, { theme, width: 1280, height: 800 });
  await takeAll(scene, { theme: "light", width: 390, height: 844 });
} finally {
  await web.stop();
}

/** Jobs that went well, failed and wait; a lock, a freeze, something not in git, something that fails. */
async function setScene(world: WebWorld): Promise<Scene> {
  const release = async (body: object): Promise<string> => {
    const { id } = await world.api<{ id: string }>("POST", "/v1/releases", body);
    return id;
  };
  const ended = (id: string) => world.api("GET", `/v1/jobs/${id}?wait=60s`);
  const only = { workloads: ["sock-shop/front-end"] };
  const done = await release({ ...only, images: "latest", message: "the new cart" });
  await ended(done);
  world.world.registry.addImage("weaveworksdemos/user", "0.4.0-broken", { createdAt: new Date() });
  const lock = {
    workloads: undefined,
    changes: [{ workload: "sock-shop/payment", set: { locked: "true" } }],
  };
  const { id } = await world.api<{ id: string }>("POST", "/v1/policies", {
    ...lock,
    message: "audit until Friday",
  });
  await ended(id);
  const failed = await release({
    workloads: ["sock-shop/user"],
    images: ["weaveworksdemos/user:0.4.0-broken"],
    override: ["filter"],
  });
  await ended(failed);
  await world.api("PUT", "/v1/environments/default/freeze", {
    namespace: "sock-shop",
    reason: "stocktaking",
  });
  const waiting = await release({ workloads: ["sock-shop/queue-master"], images: "latest" });
  return { web: world, done, failed, waiting };
}

function shotsOf({ done, failed, waiting }: Scene): readonly Shot[] {
  return [
    { name: "workloads", path: "/", ready: "[data-workload]" },
    { name: "workloads-filtered", path: "/?filter=behind&q=ship", ready: "[data-workload]" },
    { name: "workloads-none", path: "/?q=nothing", ready: ".empty" },
    { name: "workloads-chosen", path: "/", ready: "[data-workload]", act: choose },
    { name: "workload", path: frontEnd, ready: ".images", whole: true },
    {
      name: "release",
      path: "/workloads/default/sock-shop/deployment/shipping?release=latest",
      ready: ".confirm",
    },
    {
      name: "release-locked",
      path: "/workloads/default/sock-shop/deployment/payment?release=latest",
      ready: ".plan, .panel .note",
    },
    {
      name: "release-several",
      path: "/release?environment=default&workload=sock-shop%3Adeployment%2Fqueue-master&workload=sock-shop%3Adeployment%2Fshipping&workload=sock-shop%3Adeployment%2Fpayment",
      ready: ".plan",
      whole: true,
    },
    { name: "job", path: `/jobs/${done}`, ready: ".step:nth-child(12)", whole: true },
    { name: "job-failed", path: `/jobs/${failed}`, ready: ".step.failed", whole: true },
    { name: "job-waiting", path: `/jobs/${waiting}`, ready: ".gate" },
    { name: "job-undo", path: `/jobs/${done}`, ready: ".step:nth-child(12)", act: askUndo },
    { name: "job-unknown", path: "/jobs/ffffffff", ready: "[role=alert]" },
    { name: "jobs", path: "/jobs", ready: "table.jobs" },
    { name: "environments", path: "/environments", ready: ".card", act: check, whole: true },
    { name: "help", path: "/", ready: "[data-workload]", act: (page) => page.keyboard.press("?") },
    { name: "offline", path: "/", ready: "[data-workload]", act: cut },
    { name: "expired", path: "/", ready: "[data-workload]", act: expire },
  ];
}

async function takeAll(
  scene: Scene,
  look: { readonly theme: "light" | "dark"; readonly width: number; readonly height: number },
): Promise<void> {
  const { theme, width, height } = look;
  const suffix = width < 800 ? "narrow" : theme;
  const view = { colorScheme: theme, viewport: { width, height }, reducedMotion: "reduce" as const };
  const out = await scene.web.open("/", { ...view, signedIn: false });
  await out.page.getByLabel("Token").waitFor();
  await out.page.screenshot({ path: join(folder, `sign-in-${suffix}.png`) });
  await out.close();
  for (const shot of shotsOf(scene)) {
    const { page, close } = await scene.web.open(shot.path, view);
    await page.locator(shot.ready).first().waitFor();
    await shot.act?.(page);
    // What came last is painted, and charts are drawn.
    await page.waitForTimeout(300);
    await page.screenshot({
      path: join(folder, `${shot.name}-${suffix}.png`),
      fullPage: shot.whole === true,
    });
    await close();
    process.stdout.write(`${shot.name}-${suffix}.png\n`);
  }
}

async function choose(page: Page): Promise<void> {
  for (const key of ["j", "x", "j", "j", "x"]) await page.keyboard.press(key);
}

async function askUndo(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Roll back…" }).click();
  await page.getByRole("dialog").waitFor();
}

async function check(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Check all connections" }).click();
  await page.locator(".trials").waitFor();
}

async function cut(page: Page): Promise<void> {
  await page.context().setOffline(true);
  await page.getByText("No connection to the server.").waitFor();
}

async function expire(page: Page): Promise<void> {
  await page.context().clearCookies();
  // The page may have noticed by itself, and its question is in the way of a click then.
  await page.evaluate("document.querySelector('[data-workload] a.name').click()");
  await page.getByRole("dialog").waitFor();
}
