import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { imagePage, workloadPage } from "#common/contracts/http.ts";
import { pollUntil } from "#common/kit/retry.ts";
import { setHold } from "#common/store/holds.ts";
import {
  imagesOf,
  recordListing,
  saveManifest,
  setTagDigest,
  wantRepositories,
} from "#common/store/images.ts";
import { RolloutPhase } from "#proto/slipway/cluster/v1/cluster.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, oneEnvironment, startApiBox, tokens } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";

describe.runIf(hasPostgres())("workloads by the API", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: oneEnvironment });
    await declare(box, {
      "front-end": "weaveworksdemos/front-end:0.2.0",
      cart: "weaveworksdemos/cart:0.4.0",
      orders: "weaveworksdemos/orders:1",
    });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });
  beforeEach(() => {
    box.peers.watcherAway = false;
    box.peers.view = freshView;
    box.peers.running = [
      runningDeployment("front-end", "weaveworksdemos/front-end:0.2.0"),
      {
        ...runningDeployment("cart", "weaveworksdemos/cart:0.3.0"),
        rollout: { phase: RolloutPhase.ROLLOUT_PHASE_PROGRESSING, desired: 3, updated: 2, available: 3 },
      },
      { ...runningDeployment("by-hand", "nginx"), owner: { kind: 0, name: "" }, labels: { team: "ops" } },
    ];
    box.peers.refreshed.length = 0;
  });

  const list = (query = "") => box.call("GET", `/v1/workloads${query}`);
  const rowsOf = (body: Record<string, unknown>) =>
    body["workloads"] as { id: string; release: { text: string } }[];

  test("joins what runs with what is declared, in order of id", async () => {
    const { body } = await list();
    expect(rowsOf(body).map(({ id, release }) => [id, release.text])).toEqual([
      ["sock-shop:deployment/by-hand", "ready"],
      ["sock-shop:deployment/cart", "updating 2/3"],
      ["sock-shop:deployment/front-end", "ready"],
      ["sock-shop:deployment/orders", "not running"],
    ]);
    expect(rowsOf(body)).toMatchObject([
      { declared: null, drift: false, owner: { kind: "none" } },
      { drift: true, policies: ["automated"], containers: [{ declaredImage: "weaveworksdemos/cart:0.4.0" }] },
      { drift: false, declared: { file: "deploy/front-end.yaml", document: 1 }, owner: { kind: "slipway" } },
      { drift: false },
    ]);
    expect(body["age"]).toMatchObject({
      clusterMs: 120,
      clusterComplete: true,
      clusterProblem: null,
      gitCommit: "9c1e2f4",
      gitProblem: null,
    });
  });

  test("filters by namespace and text, and pages", async () => {
    expect(rowsOf((await list("?namespace=default")).body)).toEqual([]);
    expect(rowsOf((await list("?filter=CART")).body)).toHaveLength(1);
    expect(rowsOf((await list("?filter=nginx")).body)).toHaveLength(1);
    const first = await list("?limit=3");
    expect(rowsOf(first.body)).toHaveLength(3);
    const rest = await list(`?limit=3&cursor=${String(first.body["next"])}`);
    expect(rowsOf(rest.body).map(({ id }) => id)).toEqual(["sock-shop:deployment/orders"]);
    expect(rest.body["next"]).toBeNull();
    expect((await list("?cursor=!")).body).toMatchObject({ code: "CURSOR_INVALID", status: 400 });
    expect((await list("?environment=moon")).body).toMatchObject({ code: "ENVIRONMENT_NOT_FOUND" });
  });

  test("filters by label and by state, each narrowing further", async () => {
    const names = async (query: string) => rowsOf((await list(query)).body).map(({ id }) => id.split("/")[1]);
    expect(await names("?label=team%3Dops")).toEqual(["by-hand"]);
    expect(await names("?label=!team&label=team!%3Dweb&limit=1")).toEqual(["cart"]);
    expect(await names("?state=not-in-git")).toEqual(["by-hand"]);
    expect(await names("?state=drift&state=automated")).toEqual(["cart"]);
    expect(await names("?state=drift&state=locked")).toEqual([]);
    expect((await list("?label=a%20in%20(b)")).body).toMatchObject({ code: "SELECTOR_INVALID", status: 400 });
    expect((await list("?state=sad")).body).toMatchObject({ code: "INVALID_REQUEST", status: 400 });
  });

  test("keeps to the contract's schema, though pages are written by hand", async () => {
    const { body } = await list();
    expect(workloadPage.parse(body)).toEqual(body);
  });

  test("says when nothing has changed", async () => {
    const etag = (await list()).headers.get("etag") ?? "";
    const same = await box.call("GET", "/v1/workloads", { headers: { "if-none-match": etag } });
    expect(same.status).toBe(304);
    expect(same.body).toEqual({});
    box.peers.running.pop();
    expect((await box.call("GET", "/v1/workloads", { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  test("still lists what is declared while the watcher is away, and says so", async () => {
    box.peers.watcherAway = true;
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(rowsOf(body).map(({ release }) => release.text)).toEqual(["unknown", "unknown", "unknown"]);
    expect(body["age"]).toMatchObject({
      clusterMs: null,
      clusterComplete: false,
      clusterProblem: expect.stringContaining("the watcher is away"),
    });
  });

  test("calls nothing absent before the view is complete", async () => {
    box.peers.view = { ...freshView, complete: false, problem: "still listing pods" };
    const { body } = await list("?filter=orders");
    expect(rowsOf(body)).toMatchObject([{ release: { state: "unknown" } }]);
    expect(body["age"]).toMatchObject({ clusterProblem: "still listing pods" });
  });

  test("shows one workload, by short kinds too, and names what is near", async () => {
    const path = "/v1/environments/default/workloads/sock-shop";
    expect((await box.call("GET", `${path}/deploy/cart`)).body).toMatchObject({
      id: "sock-shop:deployment/cart",
    });
    const absent = await box.call("GET", `${path}/deployment/carts`);
    expect(absent.body).toMatchObject({ code: "WORKLOAD_NOT_FOUND", hint: "did you mean sock-shop/cart?" });
    expect((await box.call("GET", `${path}/deployment/Not_A_Name`)).body).toMatchObject({
      code: "WORKLOAD_ID_INVALID",
    });
  });

  test("shows a hold", async () => {
    const body = { workloads: ["sock-shop/orders"], images: "latest" };
    const job = await box.call("POST", "/v1/releases", { body });
    await setHold(box.store.db, {
      environment: "default",
      workload: "sock-shop:deployment/orders",
      container: "orders",
      image: "weaveworksdemos/orders:2",
      job_id: String(job.body["id"]),
      reason: "it failed",
    });
    expect(rowsOf((await list("?filter=orders")).body)).toMatchObject([
      { policies: ["hold"], holds: [{ container: "orders", reason: "it failed" }] },
    ]);
  });

  test("images that were left unread are asked for as soon as somebody lists them", async () => {
    const key = "docker.io/weaveworksdemos/orders";
    await wantRepositories(box.store.db, [key]);
    await recordListing(box.store.db, { key, etag: null, tags: [{ tag: "0.0.1" }], complete: true });
    box.rung.length = 0;
    const path = "/v1/environments/default/workloads/sock-shop/deployment/orders/images";
    const { body } = await box.call("GET", path);
    expect(body).toMatchObject({ containers: [{ missing: { reason: "unread" } }] });
    const rung = () => box.rung.includes(`slipway-scanner repository:${key}`);
    await pollUntil(rung, { everyMs: 10, timeoutMs: 15_000, what: "a ring for the scanner" });
    expect((await imagesOf(box.store.db, [key])).get(key)).toMatchObject({ read_all: true });
  });

  test("lists images newest first, the running one marked and never cut off", async () => {
    const key = "docker.io/weaveworksdemos/front-end";
    const days = { "0.2.0": 9, latest: 18, "7f511af": 18, "0.3.0": 12 };
    await wantRepositories(box.store.db, [key]);
    const tags = Object.entries(days).map(([tag, day]) => ({ tag, digest: `sha256:${day}` }));
    for (const { digest } of tags) {
      await saveManifest(box.store.db, {
        digest,
        media_type: "application/vnd.oci.image.manifest.v1+json",
        kind: "image",
        created_at: new Date(`2016-11-${digest.slice(7).padStart(2, "0")}T16:00:00Z`),
        created_from: "config",
        platforms: [],
        labels: {},
      });
    }
    await recordListing(box.store.db, { key, etag: null, tags, complete: true });
    const path = "/v1/environments/default/workloads/sock-shop/deployment/front-end/images";
    const { body } = await box.call("GET", `${path}?limit=2`);
    expect(body).toMatchObject({
      workload: "sock-shop:deployment/front-end",
      containers: [
        {
          container: "front-end",
          repository: "weaveworksdemos/front-end",
          available: [
            { tag: "7f511af", running: false, createdAt: "2016-11-18T16:00:00.000Z" },
            { tag: "latest", running: false },
            { tag: "0.2.0", running: true },
          ],
          total: 4,
          problem: null,
        },
      ],
    });
    let behind: Record<string, unknown> = {};
    const listed = async () => rowsOf((behind = (await list("?state=behind")).body)).length > 0;
    await pollUntil(listed, { everyMs: 50, timeoutMs: 15_000, what: "the newer image in the list" });
    expect(rowsOf(behind)).toMatchObject([
      {
        name: "front-end",
        containers: [
          {
            newest: {
              tag: "7f511af",
              createdAt: "2016-11-18T16:00:00.000Z",
              behind: 2,
              behindMs: 9 * 86_400_000,
            },
            newestReason: null,
          },
        ],
      },
    ]);
    expect(behind["age"]).toMatchObject({ imagesMs: expect.any(Number) });
    expect((await box.call("GET", `${path}?container=absent`)).body).toMatchObject({ containers: [] });
    const many = await box.call("GET", "/v1/images?images=2&filter=weaveworksdemos");
    expect(imagePage.parse(many.body)).toEqual(many.body);
    const ofFrontEnd = (many.body["images"] as { workload: string }[]).find((one) =>
      one.workload.endsWith("/front-end"),
    );
    // Its age goes on, and platforms and origin are told of one workload alone.
    const containers = (body["containers"] as { available: object[] }[]).map((one) => ({
      ...one,
      ageMs: expect.any(Number),
      available: one.available.map((image) => ({ ...image, platforms: undefined, origin: undefined })),
    }));
    expect(ofFrontEnd).toEqual({ ...body, containers });
    expect(box.peers.refreshed).toEqual([]);
    await box.call("GET", `${path}?refresh=true`);
    expect(box.peers.refreshed).toEqual([key]);
  });

  test("tells which images latest may choose, and pages them container by container", async () => {
    const path = "/v1/environments/default/workloads/sock-shop/deployment/front-end/images";
    const tagsIn = ({ body }: { body: Record<string, unknown> }) =>
      (body["containers"] as { available: { tag: string }[] }[])[0]?.available.map(({ tag }) => tag);
    expect(tagsIn(await box.call("GET", `${path}?eligible=true`))).toEqual(["7f511af", "0.3.0", "0.2.0"]);
    const many = await box.call("GET", "/v1/images?images=1&eligible=true&filter=front-end");
    expect(many.body["images"]).toMatchObject([
      { containers: [{ total: 3, available: [{ tag: "7f511af", eligible: true }, { running: true }] }] },
    ]);
    const first = await box.call("GET", `${path}?container=front-end&limit=2`);
    const [{ next = "" } = {}] = first.body["containers"] as { next?: string }[];
    const second = await box.call("GET", `${path}?container=front-end&limit=2&cursor=${next}`);
    expect(tagsIn(second)).toEqual(["0.3.0", "0.2.0"]);
    for (const query of [`cursor=${next}`, "container=front-end&cursor=x"]) {
      const refused = await box.call("GET", `${path}?${query}`);
      expect(refused).toMatchObject({ status: 400, body: { code: "CURSOR_INVALID" } });
    }
    expect((await box.call("GET", `${path}?eligible=no`)).status).toBe(400);
  });

  test("marks what no node can run, and passes over it", async () => {
    const key = "docker.io/weaveworksdemos/front-end";
    const digest = "sha256:arm";
    await saveManifest(box.store.db, {
      digest,
      media_type: "application/vnd.oci.image.manifest.v1+json",
      kind: "image",
      created_at: new Date("2016-11-20T16:00:00Z"),
      created_from: "config",
      platforms: ["linux/arm64"],
      labels: {},
    });
    await setTagDigest(box.store.db, { key, tag: "0.9.0", digest });
    const path = "/v1/environments/default/workloads/sock-shop/deployment/front-end/images";
    const unknown = await box.call("GET", path);
    expect(unknown.body).toMatchObject({
      nodes: { platforms: [], problem: "the cluster watcher does not tell" },
      containers: [{ available: [{ tag: "0.9.0", runnable: null, eligible: true }, {}, {}, {}, {}] }],
    });
    box.peers.view = { ...freshView, nodes: { platforms: ["linux/amd64"], problem: "" } };
    const marked = { tag: "0.9.0", runnable: false, eligible: false, ineligible: "no-node" };
    const told = {
      nodes: { platforms: ["linux/amd64"], problem: null },
      containers: [{ available: expect.arrayContaining([expect.objectContaining(marked)]) }],
    };
    expect((await box.call("GET", path)).body).toMatchObject(told);
    // Lists of many are made of what was read a moment ago.
    const many = await pollUntil(
      async () => {
        const [found] = (await box.call("GET", "/v1/images?images=1&filter=front-end")).body[
          "images"
        ] as object[];
        return JSON.stringify(found).includes("0.9.0") && found;
      },
      { everyMs: 100, timeoutMs: 20_000, what: "the new tag" },
    );
    expect(many).toMatchObject(told);
    const [row] = rowsOf((await list("?filter=front-end")).body);
    expect(row).toMatchObject({ containers: [{ newest: { tag: "7f511af", behind: 2 } }] });
  });

  test("tells what ran when, and by whom, newest first; what a job left alone is not told", async () => {
    const release = async (commit: string, results: readonly Record<string, unknown>[]) => {
      const asked = { workloads: ["sock-shop/orders"], images: "latest", message: `for ${commit}` };
      const { body } = await box.call("POST", "/v1/releases", { body: asked, token: tokens.releaser });
      const row = { commit_sha: commit, results: JSON.stringify(results) };
      await box.store.db.updateTable("jobs").set(row).where("id", "=", String(body["id"])).execute();
      return String(body["id"]);
    };
    const result = {
      workload: "sock-shop:deployment/orders",
      container: "orders",
      result: "changed",
      detail: null,
    };
    const base = { ...result, reason: null, file: null };
    const first = await release("aaa", [{ ...base, from: "o:1", to: "o:2" }]);
    await release("bbb", [{ ...base, from: "o:2", to: null, result: "skip", reason: "up-to-date" }]);
    await release("ccc", [{ ...base, workload: "sock-shop:deployment/cart", from: "c:1", to: "c:2" }]);
    const last = await release("ddd", [{ ...base, from: "o:2", to: "o:3" }]);
    await box.store.db.updateTable("jobs").set({ rollback_of: first }).where("id", "=", last).execute();

    const path = "/v1/environments/default/workloads/sock-shop/deploy/orders/history";
    const page = await box.call("GET", `${path}?limit=1`);
    expect(page.body).toMatchObject({
      workload: "sock-shop:deployment/orders",
      entries: [
        {
          job: last,
          commit: "ddd",
          requestedBy: "releaser robot",
          message: "for ddd",
          containers: [{ container: "orders", from: "o:2", to: "o:3" }],
          rollback: { of: first, by: null },
        },
      ],
    });
    const rest = await box.call("GET", `${path}?limit=5&cursor=${String(page.body["next"])}`);
    expect(rest.body).toMatchObject({
      entries: [{ job: first, rollback: { of: null, by: last } }],
      next: null,
    });
    expect((rest.body["entries"] as unknown[]).length).toBe(1);
    expect((await box.call("GET", path.replace("orders", "nobody"))).body).toMatchObject({ entries: [] });
  });

  test("has no images of a repository that nobody has read", async () => {
    const path = "/v1/environments/default/workloads/sock-shop/deployment/cart/images";
    expect((await box.call("GET", path)).body).toMatchObject({
      containers: [{ available: [], total: 0, scannedAt: null, problem: null }],
    });
  });
});

describe.runIf(hasPostgres())("an environment that has to do with some namespaces alone", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    const environments = oneEnvironment.map((one) => ({ ...one, namespaces: { deny: ["sock-*"] } }));
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments });
    await declare(box, { cart: "weaveworksdemos/cart:0.4.0" });
    box.peers.running = [runningDeployment("cart", "weaveworksdemos/cart:0.4.0")];
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  test("lists nothing of the others, and takes no job for them", async () => {
    expect((await box.call("GET", "/v1/workloads")).body).toMatchObject({ workloads: [] });
    const refused = { status: 403, body: { code: "NAMESPACE_NOT_ALLOWED" } };
    const ask = (path: string, body: unknown) => box.call("POST", path, { body });
    for (const workload of ["sock-shop/cart", "sock-shop:deployment/cart", "cart"]) {
      const release = await ask("/v1/releases", { workloads: [workload], images: "latest" });
      expect(release).toMatchObject(refused);
    }
    expect(await ask("/v1/syncs", { namespace: "sock-shop" })).toMatchObject(refused);
    expect(await ask("/v1/syncs", { workloads: ["sock-shop/cart"] })).toMatchObject(refused);
    expect(await ask("/v1/restarts", { workloads: ["sock-shop/cart"] })).toMatchObject(refused);
  });
});
