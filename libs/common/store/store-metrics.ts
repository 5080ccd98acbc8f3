import type { Metrics } from "../kit/metrics.ts";
import { poolUse } from "./db.ts";
import type { Store } from "./store.ts";
import { workFigures } from "./work-figures.ts";

/** Shows how busy this process's connections to Postgres are. */
export function exposePool(metrics: Metrics, { db }: Pick<Store, "db">): void {
  const connections = metrics.gauge({
    name: "pool_connections",
    help: "Connections to Postgres of this process, by what they do.",
    labels: ["state"],
  });
  const waiting = metrics.gauge({
    name: "pool_waiting",
    help: "Questions that wait for a free connection.",
  });
  const size = metrics.gauge({ name: "pool_size", help: "The most connections this process opens." });
  metrics.onScrape("pool", () => {
    const use = poolUse(db);
    connections.set(use.used, { state: "used" });
    connections.set(use.idle, { state: "idle" });
    waiting.set(use.waiting);
    size.set(use.most);
  });
}

/** Shows how the work of all processes stands; asked of Postgres whenever the page is read. */
export function exposeWork(metrics: Metrics, { db }: Pick<Store, "db">): void {
  const gauge = (name: string, help: string, labels: readonly string[] = []) =>
    metrics.gauge({ name, help, labels });
  const open = gauge("jobs_open", "Jobs that have not ended, by phase and closed gate.", ["phase", "gate"]);
  const due = gauge("jobs_due_age_seconds", "How long the queued job that waits longest has been due.");
  const push = gauge("push_open_age_seconds", "Age of the oldest push without a known outcome.");
  const lanes = gauge("lanes_with_problem", "Lanes that could not go on when they were looked at last.");
  const workers = gauge("workers_alive", "Workers whose heartbeat counts.");
  const deliveries = gauge("deliveries", "Notifications that wait, or were given up.", ["state"]);
  metrics.onScrape("work", async () => {
    const figures = await workFigures(db);
    open.replace(figures.open.map(({ phase, gate, count }) => ({ labels: { phase, gate }, value: count })));
    due.set(figures.dueSeconds);
    push.set(figures.openPushSeconds);
    lanes.set(figures.lanesWithProblem);
    workers.set(figures.workers);
    deliveries.set(figures.deliveries.pending, { state: "pending" });
    deliveries.set(figures.deliveries.dead, { state: "dead" });
  });
}
