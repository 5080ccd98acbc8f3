import type { Page } from "playwright-core";

import { startChromium } from "#support/chromium.ts";

import { buildPage } from "../tools/build-page.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow } from "./support/row.ts";
import { onStage } from "./support/stage.ts";
import { servePlainTable } from "./web/plain-table.ts";

const paint = "web.paint";
const scroll = "web.scroll";
const jump = "web.jump";
const shift = "web.shift";

const rounds = 7;
const manyRows = 10_000;

/** The page in a real browser: until it shows workloads, and while ten thousand of them are scrolled. */
export const webBench: Bench = {
  name: "web",
  rows: [paint, scroll, jump, shift],
  async run(run) {
    await buildPage();
    await onStage(run, { files: 14, sharing: 0 }, async ({ installation: { url, token } }) => {
      const browser = await startChromium();
      const plain = await servePlainTable();
      try {
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        await page.goto(`${url}/#token=${token}`);
        await page.locator("[data-workload]").first().waitFor();
        const places = { ours: `${url}/`, plain: plain.url };
        if (run.wants(paint)) await measurePaint(run, page, places);
        if ([scroll, jump, shift].some((name) => run.wants(name))) await measureScroll(run, page, places);
      } finally {
        await browser.close();
        await plain.close();
      }
    });
  },
};

interface Places {
  readonly ours: string;
  readonly plain: string;
}

/** From the address to the first workload on the screen, signed in, nothing kept from before. */
async function measurePaint(run: BenchRun, page: Page, places: Places): Promise<void> {
  run.note(`measuring ${paint}: ${rounds} openings`);
  const cold = await page.context().newCDPSession(page);
  await cold.send("Network.setCacheDisabled", { cacheDisabled: true });
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    run.signal.throwIfAborted();
    const one = await secondsUntil(page, places.ours, "[data-workload]");
    const other = await secondsUntil(page, `${places.plain}/14`, "tbody tr:last-child");
    if (round < 0) continue;
    ours.push(one);
    plain.push(other);
  }
  await cold.send("Network.setCacheDisabled", { cacheDisabled: false });
  const [value, p99, baseline] = [quantile(ours, 0.5), quantile(ours, 0.99), quantile(plain, 0.5)];
  const baselineIs = "14 rows as a table that is in the document already";
  run.tell(toRow({ name: paint, value, unit: "s", p99, baseline, budget: "1 s", baselineIs }));
}

async function secondsUntil(page: Page, url: string, selector: string): Promise<number> {
  const began = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.locator(selector).first().waitFor();
  return (performance.now() - began) / 1_000;
}

/** Frames while a list of ten thousand is read through, then dragged through; and what jumped meanwhile. */
async function measureScroll(run: BenchRun, page: Page, places: Places): Promise<void> {
  run.note(`measuring ${scroll}: ${manyRows} rows`);
  await showMany(page);
  await page.goto(places.ours);
  await page.getByText(`${manyRows.toLocaleString("en")} workloads`).waitFor();
  const ours = { read: await scrollThrough(page, "read"), drag: await scrollThrough(page, "drag") };
  await page.goto(`${places.plain}/${manyRows}`);
  await page.locator("tbody tr:last-child").waitFor();
  const plain = { read: await scrollThrough(page, "read"), drag: await scrollThrough(page, "drag") };
  const baselineIs = "all rows as one table, in the same browser";
  const row = (name: string, way: Way, more: Readonly<Record<string, number>>) =>
    toRow({
      name,
      value: quantile(ours[way].frames, 0.95) / 1_000,
      unit: "s",
      p99: quantile(ours[way].frames, 0.99) / 1_000,
      baseline: quantile(plain[way].frames, 0.95) / 1_000,
      budget: "p95 20 ms",
      baselineIs,
      more,
    });
  if (run.wants(scroll)) run.tell(row(scroll, "read", { frames: ours.read.frames.length }));
  if (run.wants(jump)) run.tell(row(jump, "drag", { frames: ours.drag.frames.length }));
  // Layout shift has no unit and its budget is nothing at all: it is told beside the frames' time.
  const shifted = Math.round((ours.read.shift + ours.drag.shift) * 1_000);
  if (run.wants(shift)) run.tell(row(shift, "read", { shiftThousandths: shifted }));
}

/** Answers the list with ten thousand workloads, each like the first. */
async function showMany(page: Page): Promise<void> {
  await page.route("**/v1/workloads?*", async (route) => {
    const answer = await route.fetch();
    const body = (await answer.json()) as { workloads: { name: string; id: string; namespace: string }[] };
    const [first] = body.workloads;
    if (first === undefined) throw new Error("the stage has no workloads");
    const workloads = Array.from({ length: manyRows }, (_, index) => {
      const [namespace, name] = [`team-${index % 40}`, `service-${index}`];
      return { ...first, namespace, name, id: `${namespace}:deployment/${name}` };
    });
    await route.fulfill({ response: answer, json: { ...body, workloads, next: null } });
  });
}

interface Scrolled {
  /** Milliseconds of each frame. */
  readonly frames: readonly number[];
  readonly shift: number;
}

/** As one reads: three lines a frame; or dragged from top to end, so that each frame shows other lines. */
type Way = "read" | "drag";

const scrollSteps = 240;

async function scrollThrough(page: Page, way: Way): Promise<Scrolled> {
  const place = way === "read" ? "step * 120" : `all * (step / ${scrollSteps})`;
  return page.evaluate<Scrolled>(`new Promise((resolve) => {
    let shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shift += entry.value;
    }).observe({ type: "layout-shift" });
    const frames = [];
    const all = document.documentElement.scrollHeight - innerHeight;
    let last = 0;
    let step = 0;
    const next = (now) => {
      if (last > 0) frames.push(now - last);
      last = now;
      step += 1;
      if (step > ${scrollSteps}) return resolve({ frames, shift });
      scrollTo(0, ${place});
      requestAnimationFrame(next);
    };
    scrollTo(0, 0);
    requestAnimationFrame(next);
  })`);
}
