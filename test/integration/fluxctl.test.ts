import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { moveJob, type JobPatch } from "#common/store/jobs.ts";
import { RolloutPhase } from "#proto/slipway/cluster/v1/cluster.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, oneEnvironment, startApiBox, tokens, twoEnvironments } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";
import { freshView, runningDeployment } from "./api-peers.fake.ts";

// The requests as fluxctl 1.25 sends them, byte for byte, and what it can read of the answers.

const image = "weaveworksdemos/front-end:0.2.0";
const id = "sock-shop:deployment/front-end";
const commit = "3fa94c1d0e5b6a7f8091a2b3c4d5e6f708192a3b";

interface FluxAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  readonly body: unknown;
}

describe.runIf(hasPostgres())("the API as fluxctl 1.25 asks it", () => {
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

  /** Headers as Go's client sends them: a POST says nothing of its type. */
  async function flux(path: string, body?: string, token: string = tokens.releaser): Promise<FluxAnswer> {
    const response = await fetch(`${box.url}/api/flux${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { accept: "application/json", authorization: `Scope-Probe token=${token}` },
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
    const text = await response.text();
    const type = response.headers.get("content-type");
    return { status: response.status, type, text, body: JSON.parse(text) };
  }

  const update = (body: unknown) => flux("/v9/update-manifests", JSON.stringify(body));
  const cause = { Message: "", User: "" };
  const release = (spec: object) =>
    update({
      type: "image",
      cause,
      spec: {
        ServiceSpecs: [id],
        ImageSpec: "<all latest>",
        Kind: "execute",
        Excludes: null,
        Force: false,
        ...spec,
      },
    });
  const released = async (spec: object = {}): Promise<string> => String((await release(spec)).body);
  const specOf = async (job: string) =>
    (await box.store.db.selectFrom("jobs").select("spec").where("id", "=", job).executeTakeFirstOrThrow())
      .spec;
  const polled = async (job: string) => (await flux(`/v6/jobs?id=${job}`)).body;
  const move = async (
    job: string,
    ...moves: readonly (readonly [Parameters<typeof moveJob>[1]["event"], JobPatch?])[]
  ) => {
    for (const [event, patch] of moves)
      await moveJob(box.store.db, { id: job, event, ...(patch !== undefined && { patch }) });
  };

  test("lists workloads of a namespace and of all, with what fluxctl's table needs", async () => {
    const { status, body } = await flux("/v6/services?namespace=sock-shop");
    expect(status).toBe(200);
    expect(body).toMatchObject([
      {
        ID: "sock-shop:deployment/cart",
        Automated: true,
        Locked: false,
        Ignore: false,
        Policies: { automated: "true" },
      },
      {
        ID: id,
        Containers: [{ Name: "front-end", Current: { ID: image }, LatestFiltered: { ID: "" } }],
        Status: "ready",
        ReadOnly: "",
        Automated: false,
      },
      { ID: "sock-shop:deployment/stray", ReadOnly: "NotInRepo" },
    ]);
    expect((await flux("/v6/services?namespace=")).body).toHaveLength(3);
    expect((await flux("/v6/services?namespace=nowhere")).body).toEqual([]);
  });

  test("rollout messages are null unless there is trouble, or --watch would report one", async () => {
    const { text } = await flux(`/v11/services?namespace=&services=sock-shop%3Adeployment%2Ffront-end`);
    expect(JSON.parse(text)).toHaveLength(1);
    expect(text).toContain('"Messages":null');
    box.peers.running = [
      {
        ...runningDeployment("front-end", image),
        rollout: {
          phase: RolloutPhase.ROLLOUT_PHASE_PROGRESSING,
          desired: 3,
          updated: 1,
          reason: "ImagePullBackOff",
          message: "no such tag",
        },
      },
    ];
    expect(
      (await flux(`/v11/services?namespace=&services=sock-shop%3Adeployment%2Ffront-end`)).body,
    ).toMatchObject([
      { Status: "error", Rollout: { Desired: 3, Updated: 1, Messages: ["ImagePullBackOff: no such tag"] } },
    ]);
  });

  test("lists images by workload, by namespace and of all", async () => {
    const one = "/v10/images?containerFields=&namespace=&service=sock-shop%3Adeployment%2Ffront-end";
    expect((await flux(one)).body).toMatchObject([
      {
        ID: id,
        Containers: [{ Name: "front-end", Current: { ID: image }, AvailableError: expect.any(String) }],
      },
    ]);
    const all = "/v10/images?containerFields=&namespace=sock-shop&service=%3Call%3E";
    expect((await flux(all)).body).toHaveLength(3);
    expect(await flux("/v10/images?service=sock-shop%3Adeployment%2Fnone&namespace=")).toMatchObject({
      status: 404,
      body: { type: "missing", help: expect.stringContaining("sock-shop:deployment/none") },
    });
  });

  test("a POST without a Content-Type is read, and the job id is a bare JSON string", async () => {
    const answer = await release({});
    expect(answer).toMatchObject({ status: 200, body: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await specOf(String(answer.body))).toMatchObject({
      kind: "release",
      workloads: [id],
      images: { select: "latest" },
      override: [],
    });
  });

  test("each form of a release becomes the same release of ours", async () => {
    const exact = { ImageSpec: "weaveworksdemos/front-end:0.3.0" };
    expect(await specOf(await released({ ...exact, Force: true }))).toMatchObject({
      images: { exact: ["weaveworksdemos/front-end:0.3.0"] },
      override: ["lock", "filter"],
    });
    const all = { ServiceSpecs: ["<all>"], Excludes: ["sock-shop:deployment/cart"] };
    expect(await specOf(await released(all))).toMatchObject({
      all: true,
      workloads: [],
      exclude: ["sock-shop:deployment/cart"],
    });
    expect(await specOf(await released({ ...exact, ...all, Force: true }))).toMatchObject({
      override: ["filter"],
    });
  });

  test("the message and who claims to ask are kept; who may is the token's matter", async () => {
    const spec = {
      ServiceSpecs: [id],
      ImageSpec: "<all latest>",
      Kind: "execute",
      Excludes: null,
      Force: false,
    };
    const { body } = await update({ type: "image", cause: { Message: "why", User: "Ada <ada@x.io>" }, spec });
    const job = await box.call("GET", `/v1/jobs/${String(body)}`);
    expect(job.body).toMatchObject({
      message: "why (asked by Ada <ada@x.io> with fluxctl)",
      requestedBy: "releaser robot",
    });
  });

  test("a job is queued, runs, and has succeeded as soon as its commit is pushed, however often it is asked", async () => {
    const job = await released();
    expect(await polled(job)).toEqual({ Result: {}, Err: "", StatusString: "queued" });
    await move(job, ["taken-by-lane"]);
    expect(await polled(job)).toMatchObject({ StatusString: "running" });
    const results = [
      {
        workload: id,
        container: "front-end",
        from: image,
        to: "weaveworksdemos/front-end:0.3.0",
        result: "changed",
        reason: null,
        detail: null,
        file: "deploy/front-end.yaml",
      },
      {
        workload: "sock-shop:deployment/cart",
        container: "cart",
        from: "c:1",
        to: null,
        result: "skip",
        reason: "locked",
        detail: "release day",
        file: null,
      },
    ] as const;
    await move(job, ["intent-recorded"], ["adopted", { commit_sha: commit, results: results }]);
    const done = {
      StatusString: "succeeded",
      Err: "",
      Result: {
        revision: commit,
        result: {
          [id]: {
            Status: "success",
            PerContainer: [
              { Container: "front-end", Current: image, Target: "weaveworksdemos/front-end:0.3.0" },
            ],
          },
          "sock-shop:deployment/cart": {
            Status: "skipped",
            Error: "locked (release day)",
            PerContainer: null,
          },
        },
      },
    };
    expect(await polled(job)).toEqual(done);
    expect(await polled(job)).toEqual(done);
    expect((await flux(`/v6/sync?ref=${commit}`)).body).toEqual([commit]);
    expect((await flux(`/v6/sync?ref=${commit.slice(0, 7)}`)).body).toEqual([commit]);
    await move(job, ["all-good"]);
    expect((await flux(`/v6/sync?ref=${commit.slice(0, 7)}`)).body).toEqual([]);
  });

  test("nothing to do is a success without a revision, and a refusal is a failure in words", async () => {
    const idle = await released();
    await move(idle, ["taken-by-lane"], ["nothing-to-do"]);
    expect(await polled(idle)).toEqual({ Result: { result: {} }, Err: "", StatusString: "succeeded" });
    const failed = await released();
    const error = { code: "RELEASE_REFUSED", title: "Refused", detail: "each is locked", hint: null };
    await move(failed, ["taken-by-lane"], ["cannot-plan", { error: error }]);
    expect(await polled(failed)).toEqual({
      Result: {},
      Err: "Refused: each is locked",
      StatusString: "failed",
    });
  });

  test("a dry run is planned at once, kept for whoever asks, and makes no job", async () => {
    const count = async () => (await box.call("GET", "/v1/jobs?limit=100")).body["jobs"] as unknown[];
    const before = (await count()).length;
    const { body } = await release({ Kind: "plan" });
    const result = await polled(String(body));
    expect(result).toMatchObject({ StatusString: "succeeded", Err: "", Result: { result: {} } });
    expect(JSON.stringify(result)).not.toContain("revision");
    expect(await polled(String(body))).toEqual(result);
    expect((await count()).length).toBe(before);
  });

  test("what was chosen in the menu is released container by container, as long as git still says the same", async () => {
    const chosen = (updates: object[], rest: object = {}) =>
      update({
        type: "containers",
        cause,
        spec: {
          Kind: "execute",
          ContainerSpecs: { [id]: updates },
          SkipMismatches: false,
          Force: false,
          ...rest,
        },
      });
    const one = { Container: "front-end", Current: image, Target: "weaveworksdemos/front-end:0.3.0" };
    const { body } = await chosen([one]);
    expect(await specOf(String(body))).toMatchObject({
      workloads: [id],
      images: { exact: [one.Target] },
      only: {
        skipChanged: false,
        containers: [{ workload: id, container: "front-end", image: one.Target, from: image }],
      },
    });
    expect(await chosen([{ Container: "", Current: "", Target: "" }])).toMatchObject({
      status: 400,
      body: { help: expect.stringContaining("no image was chosen") },
    });
    expect((await chosen([one, one])).status).toBe(400);
    const nothing = await chosen([]);
    expect(await polled(String(nothing.body))).toMatchObject({
      StatusString: "succeeded",
      Result: { result: {} },
    });
  });

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

  test("sync asks for the config repository first, then for a job that tells the branch's head", async () => {
    expect((await flux("/v9/git-repo-config", "false")).body).toMatchObject({
      status: "ready",
      errors: "",
      remote: { url: "https://git.example.com/shop/config.git", branch: "main", path: "deploy" },
      publicSSHKey: { key: "", fingerprints: null },
    });
    const job = String((await update({ type: "sync", cause, spec: {} })).body);
    expect(await specOf(job)).toMatchObject({ kind: "sync", all: true });
    await move(job, ["taken-by-lane"], ["tip-chosen", { commit_sha: commit }]);
    expect(await polled(job)).toMatchObject({ StatusString: "running" });
    await move(job, ["all-good"]);
    expect(await polled(job)).toMatchObject({ StatusString: "succeeded", Result: { revision: commit } });
  });

  test("a commit whose rollout failed ends the wait with the reason, one nobody made is missing", async () => {
    const job = await released();
    const bad = "9".repeat(40);
    const error = {
      code: "ROLLOUT_FAILED",
      title: "The rollout failed",
      detail: "CrashLoopBackOff",
      hint: null,
    };
    await move(
      job,
      ["taken-by-lane"],
      ["intent-recorded"],
      ["adopted", { commit_sha: bad }],
      ["target-bad", { error: error }],
    );
    expect(await polled(job)).toMatchObject({ StatusString: "succeeded" });
    expect(await flux(`/v6/sync?ref=${bad}`)).toMatchObject({
      status: 409,
      body: {
        error: expect.stringContaining("CrashLoopBackOff"),
        help: expect.stringContaining("CrashLoopBackOff"),
      },
    });
    expect((await flux("/v6/sync?ref=abcdef0")).status).toBe(404);
    expect((await flux("/v6/sync?ref=abc")).status).toBe(400);
  });

  test("the key of the config repository and what runs are shown as identity and save read them", async () => {
    const print = { hash: "16:27", randomart: "+--+" };
    box.peers.identity = { publicKey: "ssh-ed25519 AAAA demo\n", md5: print, sha256: print };
    expect((await flux("/v9/git-repo-config", "false")).body).toMatchObject({
      publicSSHKey: { key: "ssh-ed25519 AAAA demo\n", fingerprints: { md5: print, sha256: print } },
    });
    box.peers.identity = {};
    expect(await flux("/v9/git-repo-config", "true")).toMatchObject({
      status: 400,
      body: { help: expect.stringContaining("sshKeyFile") },
    });
    box.peers.exported = [
      { kind: "Deployment", metadata: { name: "a" } },
      { kind: "Pod", metadata: { name: "b" } },
    ];
    const { body } = await flux("/v6/export");
    const documents = Buffer.from(String(body), "base64").toString().split("\n---\n");
    expect(documents.map((text) => JSON.parse(text))).toEqual(box.peers.exported);
  });

  test("every refusal is one that fluxctl prints: lower-case JSON, an error, and help", async () => {
    const answers = await Promise.all([
      flux("/v6/nothing"),
      flux("/v3/services"),
      flux("/v6/jobs?id=nope"),
      flux("/v6/jobs"),
      flux("/v9/update-manifests", "{"),
      flux("/v9/update-manifests", "[]"),
      update({ type: "auto", cause, spec: {} }),
      release({ ServiceSpecs: ["sock-shop:deployment/none"] }),
      release({ ImageSpec: "weaveworksdemos/front-end" }),
      flux("/v9/update-manifests", "{}", tokens.viewer),
    ]);
    for (const { status, type, body } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(type).toBe("application/json; charset=utf-8");
      expect(body).toMatchObject({
        type: expect.any(String),
        error: expect.stringMatching(/./),
        help: expect.stringMatching(/./),
      });
    }
    expect((await flux("/v6/services", undefined, "unknown")).status).toBe(401);
  });
});

describe.runIf(hasPostgres())("several environments and fluxctl", () => {
  test("each has a place of its own, and without one they are named", async () => {
    const postgres = await startPostgres();
    const box = await startApiBox({
      databaseUrl: await postgres.createDatabase(),
      environments: twoEnvironments,
    });
    try {
      box.peers.running = [runningDeployment("front-end", image)];
      const at = async (path: string) => box.call("GET", `/api/flux${path}`);
      expect((await at("/watched/v6/services?namespace=")).body).toMatchObject([
        { ID: id, ReadOnly: "ReadOnlyMode" },
      ]);
      expect((await at("/v6/services?namespace=")).body).toMatchObject({
        help: expect.stringContaining("watched"),
      });
      expect((await at("/none/v6/services?namespace=")).status).toBe(404);
    } finally {
      await box.stop();
      await postgres.stop();
    }
  });
});
