import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, oneEnvironment, startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

describe.runIf(hasPostgres())("an accepted job whose answer from Postgres was lost", () => {
  let postgres: TestPostgres;
  let line: BadLine;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    const url = new URL(await postgres.createDatabase());
    line = await layBadLine(Number(url.port));
    url.port = String(line.port);
    box = await startApiBox({ databaseUrl: url.href, environments: oneEnvironment });
    await declare(box, { "front-end": "weaveworksdemos/front-end:0.2.0" });
  });
  afterAll(async () => {
    await box?.stop();
    await line?.close();
    await postgres?.stop();
  });

  const release = (key: string) =>
    box.call("POST", "/v1/releases", {
      body: { workloads: ["sock-shop/front-end"], images: "latest" },
      headers: { "idempotency-key": key },
    });

  test("is read back over another connection", async () => {
    line.loseNextAnswerTo("insert into idempotency_keys");
    const answer = await release("lost");
    expect(answer.status).toBe(202);
    expect(line.lost()).toBe(1);
    expect((await release("lost")).body["id"]).toBe(answer.body["id"]);
  });

  test("is named in a 503 when even that cannot be asked, and the same key finds it later", async () => {
    line.loseNextAnswerTo("insert into idempotency_keys", { thenRefuse: true });
    const answer = await release("unknown");
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    const { jobId } = answer.body["facts"] as { jobId: string };
    line.accept();
    expect((await box.call("GET", `/v1/jobs/${jobId}`)).body).toMatchObject({ id: jobId, phase: "queued" });
    const again = await release("unknown");
    expect(again.status).toBe(202);
    expect(again.body["id"]).toBe(jobId);
  });
});

/** A line to Postgres on which one answer can be lost: the server has done its work, nobody hears of it. */
interface BadLine {
  readonly port: number;
  loseNextAnswerTo(text: string, then?: { thenRefuse: boolean }): void;
  /** How many answers were lost. */
  lost(): number;
  /** Lets new connections in again. */
  accept(): void;
  close(): Promise<void>;
}

async function layBadLine(target: number): Promise<BadLine> {
  const sockets = new Set<Socket>();
  let trigger: { text: string; thenRefuse: boolean } | undefined;
  let refusing = false;
  let lost = 0;
  const cutAll = (): void => sockets.forEach((socket) => socket.destroy());
  const server = createServer((near) => {
    if (refusing) {
      near.destroy();
      return;
    }
    const far = connect(target, "127.0.0.1");
    let deaf: typeof trigger;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // An error is always followed by close, which is all that matters here.
      socket.on("error", () => socket.destroy());
    }
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.on("data", (chunk) => {
      if (trigger !== undefined && chunk.includes(trigger.text)) {
        deaf = trigger;
        trigger = undefined;
      }
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (deaf === undefined) {
        near.write(chunk);
        return;
      }
      lost += 1;
      refusing = deaf.thenRefuse;
      if (refusing) cutAll();
      near.destroy();
    });
  });
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    loseNextAnswerTo: (text, { thenRefuse } = { thenRefuse: false }) => {
      trigger = { text, thenRefuse };
    },
    lost: () => lost,
    accept: () => {
      refusing = false;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      cutAll();
      await closed;
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
}
