import { connect } from "node:net";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createLog } from "#common/kit/log.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { declare, startApiBox, tokens, twoEnvironments } from "../integration/api-box.ts";
import type { ApiBox } from "../integration/api-box.ts";
import { fuzzApi } from "./fuzz-api.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
const requests = Number(process.env["FUZZ_REQUESTS"] ?? 400);

describe.runIf(hasPostgres())("bad input", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  const logged: string[] = [];
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({
      databaseUrl: await postgres.createDatabase(),
      environments: twoEnvironments,
      log: createLog({ service: "api", level: "debug", write: (line) => void logged.push(line) }),
    });
    await declare(box, {
      "front-end": "weaveworksdemos/front-end:0.2.0",
      cart: "weaveworksdemos/cart:0.3.0",
    });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  const release = { environment: "default", workloads: ["sock-shop/front-end"], images: "latest" };
  const aJob = async (more: object = {}): Promise<string> => {
    const { body } = await box.call("POST", "/v1/releases", { body: { ...release, ...more } });
    return String(body["id"]);
  };

  test(
    `is neither a fault of ours nor answered as nobody said (seed ${seed})`,
    { timeout: 600_000 },
    async () => {
      const jobs = [await aJob(), await aJob()];
      const report = await fuzzApi({
        ...box,
        seed,
        requests,
        jobs,
        tokens: [tokens.admin, tokens.admin, tokens.admin, tokens.viewer, "wrong"],
      });
      process.stdout.write(
        `fuzz: seed ${seed}, ${JSON.stringify({ ...report, faults: report.faults.length })}\n`,
      );
      expect(report.faults).toEqual([]);
      expect(report.answered).toBeGreaterThan(requests / 2);
      expect((await box.call("GET", "/readyz", { token: null })).status).toBe(200);
    },
  );

  const raw = (text: string, options: { end?: boolean } = {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(box.url).port), "127.0.0.1");
      let answer = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
      socket.on("close", () => resolve(answer));
      socket.on("error", reject);
      if (options.end === true) socket.end(text);
      else socket.write(text);
    });

  test("what is no HTTP, or has too many headers, is told so as a problem", async () => {
    const flood = `GET /livez HTTP/1.1\r\nhost: x\r\n${"x-y: zzzzzzzzzzzzzzzz\r\n".repeat(2_000)}\r\n`;
    const many = await raw(flood);
    expect(many).toMatch(/^HTTP\/1\.1 431 /);
    expect(many).toContain('"code":"HEADERS_TOO_LARGE"');
    const none = await raw("HELLO\r\n\r\n");
    expect(none).toMatch(/^HTTP\/1\.1 400 /);
    expect(none).toContain("application/problem+json");
  });

  test("control characters of a message reach neither the log nor a header as they are", async () => {
    const message = "\u001b[2J\u001b]0;owned\u0007 line\r\nx-evil: 1";
    const id = await aJob({ message });
    await box.call("GET", `/v1/jobs/${id}`, { headers: { "x-request-id": "a\tb" } });
    await box.call("GET", `/v1/jobs?requestedBy=${encodeURIComponent("\u001b[31m")}`);
    await box.call("GET", "/v1/%1b%5b31m");
    const steering = logged.filter((line) => /[^\P{Cc}\n]/u.test(line));
    expect(steering).toEqual([]);
  });

  test.each(["\0", "half \ud800"])("a message that Postgres cannot keep is refused: %j", async (message) => {
    const answer = await box.call("POST", "/v1/releases", { body: { ...release, message } });
    expect(answer.body).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  });

  test("a hundred equal requests at once make one job", async () => {
    const headers = { "idempotency-key": "a hundred at once" };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => box.call("POST", "/v1/releases", { body: release, headers })),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.body["id"])).size).toBe(1);
  });
});
