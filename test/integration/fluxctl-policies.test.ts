import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, oneEnvironment, startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";
import { cause, createFluxCalls, id } from "./flux-calls.ts";

const image = "weaveworksdemos/front-end:0.2.0";

describe.runIf(hasPostgres())("policies as fluxctl 1.25 changes them", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    const databaseUrl = await postgres.createDatabase();
    box = await startApiBox({ databaseUrl, environments: oneEnvironment });
    await declare(box, { "front-end": image, cart: "weaveworksdemos/cart:0.3.0" });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });
  beforeEach(() => {
    box.peers.running = [
      runningDeployment("front-end", image),
      runningDeployment("cart", "weaveworksdemos/cart:0.3.0"),
      runningDeployment("stray", "weaveworksdemos/stray:1"),
    ];
    box.peers.view = freshView;
  });

  const { update, specOf, polled, move } = createFluxCalls(() => box);

  test("policies are changed by the very maps that fluxctl sends, several verbs in one job", async () => {
    const change = async (add: object, remove: object, why = cause) => {
      const job = String(
        (await update({ type: "policy", cause: why, spec: { [id]: { add, remove } } })).body,
      );
      return (await specOf(job)) as object;
    };
    const set = (values: object) => ({
      kind: "policy",
      unfiltered: true,
      orders: [{ workload: id, set: values }],
    });
    expect(await change({ automated: "true" }, {})).toMatchObject(set({ automated: "true" }));
    expect(await change({}, { automated: "true" })).toMatchObject(set({ automated: null }));
    const lock = { locked: "true", locked_msg: "why", locked_user: "Ada <ada@x.io>" };
    expect(await change(lock, {}, { Message: "why", User: "Ada <ada@x.io>" })).toMatchObject(set(lock));
    const unlock = { locked: "true", locked_msg: "true", locked_user: "true" };
    expect(await change({}, unlock)).toMatchObject(
      set({ locked: null, locked_msg: null, locked_user: null }),
    );
    expect(await change({ tag_all: "glob:1.*" }, { automated: "true" })).toMatchObject(
      set({ tag_all: "glob:1.*", automated: null }),
    );
    expect(await change({}, { "tag.front-end": "true" })).toMatchObject(set({ "tag.front-end": null }));
  });

  test("a policy that says nothing is done at once, and one that means nothing is refused in words", async () => {
    const nothing = await update({ type: "policy", cause, spec: { [id]: { add: {}, remove: {} } } });
    expect(await polled(String(nothing.body))).toEqual({
      Result: { result: {} },
      Err: "",
      StatusString: "succeeded",
    });
    const spec = { [id]: { add: { "tag.front-end": "semver:zz" }, remove: {} } };
    expect(await update({ type: "policy", cause, spec })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("not valid"), help: expect.stringContaining("semver:zz") },
    });
  });

  test("a changed policy is told by workload, what was so before is skipped", async () => {
    const row = (workload: string, result: "changed" | "skip") => ({
      workload,
      container: "",
      from: "",
      to: null,
      result,
      reason: result === "skip" ? "up-to-date" : null,
      detail: null,
      file: null,
    });
    const { body } = await update({
      type: "policy",
      cause,
      spec: { [id]: { add: { automated: "true" }, remove: {} } },
    });
    const results = [row(id, "changed"), row("sock-shop:deployment/cart", "skip")];
    await move(
      String(body),
      ["taken-by-lane"],
      ["intent-recorded"],
      ["adopted-committed", { commit_sha: "8".repeat(40), results }],
    );
    expect(await polled(String(body))).toMatchObject({
      StatusString: "succeeded",
      Result: {
        revision: "8".repeat(40),
        result: {
          [id]: { Status: "success", PerContainer: null },
          "sock-shop:deployment/cart": { Status: "skipped" },
        },
      },
    });
  });
});
