import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { newUuidV7 } from "#common/kit/uuid.ts";
import { liftFreeze, setFreeze } from "#common/store/freezes.ts";
import { automaticRollbackOf } from "#common/store/jobs.ts";

import { clusterChoices } from "../support/environment-cluster.ts";
import { aDeployment, imageOf } from "../support/environment-objects.ts";
import type { EnvironmentWorker } from "../support/environment-worker.ts";
import { startEnvironmentWorld, type EnvironmentWorld } from "../support/environment-world.ts";
import { hasPostgres } from "../support/postgres.ts";

/** Every minute of every day is outside of these. */
const shut = [{ deny: "0 0 * * *", timeZone: "UTC", duration: "24h" }];
const environments = [
  { name: "default" },
  { name: "undo", onFailure: "rollback" as const, rolloutDeadline: "2s" },
  { name: "shut", windows: shut },
  { name: "asked", approvals: [{ role: "approver", deadline: "24h" }] },
];
const [choice] = clusterChoices();

describe.skipIf(choice === undefined || !hasPostgres())("gates around a cluster", () => {
  let world: EnvironmentWorld;
  let worker: EnvironmentWorker;
  beforeAll(async () => {
    if (choice === undefined) return;
    world = await startEnvironmentWorld(await choice.open(), environments);
    worker = await world.worker();
  });
  afterAll(() => world?.stop());

  const place = (environment: string, namespace: string | null = null) => ({ environment, namespace });
  const freeze = (environment: string, namespace: string | null = null) =>
    world.store.transaction((tx) =>
      setFreeze(tx, {
        ...place(environment, namespace),
        id: newUuidV7(),
        reason: "sale",
        by: "alice",
        until: null,
      }),
    );
  const thaw = (environment: string, namespace: string | null = null) =>
    world.store.transaction((tx) => liftFreeze(tx, { ...place(environment, namespace), by: "alice" }));
  const waits = (id: string, gate: string) =>
    world.until(
      id,
      (job) => job.phase === "waiting" && job.gate === gate,
      `job ${id} to wait for the ${gate}`,
    );
  const textsOf = async (id: string) => (await world.steps(id)).map((step) => step.text);
  const imageIn = async (name: string): Promise<string | undefined> =>
    (await world.live(aDeployment(name))).spec.template.spec.containers[0]?.image;

  test("a freeze stops a restart, a sync and a rollback before they touch anything, and lets them go when it ends", async () => {
    await world.serve(aDeployment("web"));
    const release = await world.release("web", "2.0.0");
    await world.untilOver(release);
    const before = (await world.live(aDeployment("web"))).metadata.generation;
    await freeze("default", "shop");
    const restart = await world.restart(["web"]);
    const sync = await world.sync(["shop/web"]);
    const whole = await world.sync("all");
    const rollback = await world.rollBack(release);
    const all = [restart, sync, whole, rollback];
    for (const id of all) {
      expect(await waits(id, "freeze")).toMatchObject({
        waiting_for: "the freeze of shop in default (sale), until it is lifted",
      });
    }
    expect((await world.live(aDeployment("web"))).metadata.generation).toBe(before);
    await thaw("default", "shop");
    for (const job of await world.untilOver(...all)) expect(job).toMatchObject({ phase: "succeeded" });
    expect(await imageIn("web")).toBe(imageOf("web", "1.0.0"));
    expect((await textsOf(restart)).filter((text) => text === "Restart shop/web")).toHaveLength(1);
  });

  test("a freeze that comes while a job rolls out stops neither it nor its automatic rollback", async () => {
    await world.serve(aDeployment("auto"), "undo");
    const id = await world.release("auto", "bad-1", { environment: "undo" });
    await world.until(id, (job) => job.phase === "rolling-out", "its rollout");
    await freeze("undo");
    const [job] = await world.untilOver(id);
    expect(job).toMatchObject({ phase: "rolled-back" });
    const undoing = await automaticRollbackOf(world.store.db, id);
    expect(undoing).toMatchObject({ phase: "succeeded", automatic: true });
    expect((await textsOf(undoing?.id ?? "")).some((text) => text.startsWith("Waiting"))).toBe(false);
    expect(await imageIn("auto")).toBe(imageOf("auto", "1.0.0"));
    await thaw("undo");
  });

  test("outside of the windows a release and a sync wait, a restart and a rollback go", async () => {
    await world.serve(aDeployment("shop-front"), "shut");
    const release = await world.release("shop-front", "2.0.0", { environment: "shut" });
    await waits(release, "window");
    await waits(await world.sync(["shop/shop-front"], "shut"), "window");
    const [restarted] = await world.untilOver(await world.restart(["shop-front"], "shut"));
    expect(restarted).toMatchObject({ phase: "succeeded" });
    expect(await textsOf(release)).toContain("Waiting until a window opens.");
  });

  test("a rollback needs no approval, and one of a rollback does", async () => {
    await world.serve(aDeployment("paid"), "asked");
    const release = await world.release("paid", "2.0.0", { environment: "asked" });
    const { plan_hash: plan } = await waits(release, "approval");
    await world.store.db
      .updateTable("jobs")
      .set({
        approvals: JSON.stringify([
          {
            by: "bob",
            verdict: "approved",
            planHash: plan,
            satisfies: ["an approver"],
            comment: null,
            at: "",
          },
        ]),
        due_at: new Date(0),
      })
      .where("id", "=", release)
      .execute();
    await world.untilOver(release);
    const rollback = await world.rollBack(release);
    const [undone] = await world.untilOver(rollback);
    expect(undone).toMatchObject({ phase: "succeeded" });
    await waits(await world.rollBack(rollback), "approval");
    expect(worker.id).toBeDefined();
  });
});
