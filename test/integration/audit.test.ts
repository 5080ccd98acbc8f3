import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { coversWorkload } from "#common/domain/access.ts";
import type { Scope } from "#common/domain/access.ts";
import { exportAudit, readAudit, sweepAudit } from "#common/store/audit-log.ts";
import { writeAudit } from "#common/store/audit.ts";
import { takeBudget } from "#common/store/rate-budgets.ts";
import { addOldEntry, endAgain, forbiddenActs } from "#support/audit-tricks.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { shop, startAccessWorld, vault } from "./access-world.ts";
import type { AccessWorld } from "./access-world.ts";

describe.runIf(hasPostgres())("the audit log", () => {
  let postgres: TestPostgres;
  let world: AccessWorld;
  beforeAll(async () => {
    postgres = await startPostgres();
    world = await startAccessWorld({ databaseUrl: await postgres.createDatabase() });
  });
  afterAll(async () => {
    await world?.box.stop();
    await postgres?.stop();
  });

  const db = () => world.box.store.db;
  const everything = { within: [{}] };
  const entry = (more: object = {}) =>
    writeAudit(db(), { principal: "tester", operation: "cancelJob", outcome: "cancelled", ...more });
  test("tells who, what, why, from where, and what was asked", async () => {
    const body = {
      environment: "default",
      workloads: ["sock-shop/front-end"],
      images: "latest",
      message: "hotfix",
    };
    const headers = { "x-request-id": "build-17" };
    const made = await world.box.call("POST", "/v1/releases", { body, headers });
    const id = String(made.body["id"]);
    const { body: page } = await world.box.call("GET", `/v1/audit?job=${id}`);
    expect(page["entries"]).toMatchObject([
      {
        principal: "admin",
        operation: "createRelease",
        environment: "default",
        job: id,
        workloads: [shop],
        outcome: "accepted",
        reason: "hotfix",
        address: "127.0.0.1",
        requestId: "build-17",
        before: null,
        after: { kind: "release", workloads: [shop], images: { select: "latest" } },
      },
    ]);
    await world.box.call("POST", `/v1/jobs/${id}/cancel`);
    const { body: later } = await world.box.call("GET", `/v1/audit?job=${id}`);
    const operations = (later["entries"] as { operation: string }[]).map((one) => one.operation);
    expect(operations.toSorted()).toEqual(["cancelJob", "createRelease", "jobEnded"]);
  });

  test("which image became which is written down when a job ends, in its transaction", async () => {
    const id = await world.cancelledJob("sock-shop/front-end");
    const results = [
      { workload: shop, container: "web", from: "web:1", to: "web:2", result: "changed" },
      { workload: vault, container: "x", from: "x:1", to: null, result: "skip" },
    ];
    await endAgain(db(), id, results);
    const { rows } = await readAudit(
      db(),
      { ...everything, job: id, operation: "jobEnded", outcome: "succeeded" },
      { limit: 5 },
    );
    expect(rows).toMatchObject([
      { before: { [`${shop} web`]: "web:1" }, after: { [`${shop} web`]: "web:2" } },
    ]);
  });

  test.each(Object.entries(forbiddenActs))("is not %s by anybody", async (_how, act) => {
    await entry();
    await expect(act(db())).rejects.toThrow();
  });

  test("the sweep takes what is old, and nothing younger than a month whatever it is asked", async () => {
    await addOldEntry(db(), 800, "ancient");
    await addOldEntry(db(), 40, "recent");
    await addOldEntry(db(), 20, "young");
    expect(await sweepAudit(db(), 730)).toBe(1);
    await expect(sweepAudit(db(), 10)).rejects.toThrow();
    const { rows } = await readAudit(db(), { ...everything, outcome: "old" }, { limit: 5 });
    expect(rows.map((row) => row.operation)).toEqual(["young", "recent"]);
  });

  test("an export that goes on later misses no entry that was committed late", async () => {
    const mark = randomUUID();
    const filter = { ...everything, principal: mark };
    let seen: readonly string[] = [];
    await world.box.store.transaction(async (tx) => {
      await writeAudit(tx, { principal: mark, operation: "slow", outcome: "x" });
      await entry({ principal: mark, operation: "quick" });
      const first = await exportAudit(db(), filter, { limit: 10 });
      // The quick one waits for the slow one, which is before it.
      seen = first.rows.map((row) => row.operation);
    });
    expect(seen).toEqual([]);
    const all = await exportAudit(db(), filter, { limit: 1 });
    const rest = await exportAudit(db(), filter, { limit: 10, cursor: all.next ?? undefined });
    expect([...all.rows, ...rest.rows].map((row) => row.operation)).toEqual(["slow", "quick"]);
  });

  test("what lies within a scope is the same in Postgres as in the code", async () => {
    const scopes: Scope[] = [
      {},
      { environments: ["default"] },
      { environments: ["def*"], namespaces: ["sock-*"] },
      { namespaces: ["sock-shop"], workloads: ["*/front-end"] },
      { workloads: ["vault:deploy/secret"] },
      { workloads: ["vault/*"] },
      { namespaces: ["s"] },
    ];
    const sets = [
      [shop],
      [vault],
      [shop, vault],
      ["sock-shop/front-end"],
      ["vault/*"],
      ["sock-shopx:deployment/front-end"],
    ];
    for (const workloads of sets) {
      const principal = randomUUID();
      await entry({ principal, environment: "default", workloads });
      for (const scope of scopes) {
        const { rows } = await readAudit(db(), { principal, within: [scope] }, { limit: 1 });
        const covers = workloads.every((workload) =>
          coversWorkload([scope], { environment: "default", workload }),
        );
        expect(rows.length === 1, `${workloads.join()} in ${JSON.stringify(scope)}`).toBe(covers);
      }
    }
  });

  test("a budget is one for all who take from it", async () => {
    const key = randomUUID();
    const shares = await Promise.all(
      Array.from({ length: 10 }, () => takeBudget(db(), { key, perMinute: 25, want: 5 })),
    );
    const granted = shares.reduce((sum, share) => sum + share.granted, 0);
    // What fills up meanwhile is little.
    expect(granted).toBeGreaterThanOrEqual(25);
    expect(granted).toBeLessThan(50);
    expect(shares.filter((share) => share.granted === 0).every((share) => share.retryMs > 0)).toBe(true);
  });
});
