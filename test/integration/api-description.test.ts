import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { errorCatalogue } from "#common/domain/errors.ts";
import { operations } from "#common/contracts/operations.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";
import { createServedApi } from "#support/served-api.ts";

import { oneEnvironment, startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

describe.runIf(hasPostgres())("what the API says of itself", () => {
  let postgres: TestPostgres;
  let box: ApiBox;
  beforeAll(async () => {
    postgres = await startPostgres();
    box = await startApiBox({ databaseUrl: await postgres.createDatabase(), environments: oneEnvironment });
  });
  afterAll(async () => {
    await box?.stop();
    await postgres?.stop();
  });

  // Those of fluxctl are written down by fluxctl.
  const ours = Object.entries(operations).filter(([, { path }]) => !path.startsWith("/api/flux/"));

  const page = async (path: string) => {
    const response = await fetch(`${box.url}${path}`);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  test("names each operation, what it answers, and no status by a range", () => {
    const described = Object.values(box.served.document.paths).flatMap((methods) => Object.values(methods));
    expect(described.map((one) => one.operationId).toSorted()).toEqual(ours.map(([name]) => name).toSorted());
    for (const { operationId, responses } of described) {
      expect(Object.keys(responses), operationId).toEqual(
        expect.arrayContaining(["400", "429", "500", "503"]),
      );
      expect(
        Object.keys(responses).every((status) => /^\d{3}$/.test(status)),
        operationId,
      ).toBe(true);
    }
  });

  test("has examples that are what their schemas say", () => {
    const { schemas } = box.served.document.components;
    const shown = Object.entries(schemas).flatMap(([id, schema]) => {
      const examples: unknown = Reflect.get(schema, "examples");
      return Array.isArray(examples) ? examples.map((example: unknown) => ({ id, example })) : [];
    });
    expect(shown.map(({ id }) => id)).toEqual(expect.arrayContaining(["Job", "Problem", "Plan", "Workload"]));
    for (const { id, example } of shown) {
      const schema = { $ref: `#/components/schemas/${id}` };
      const only = createServedApi({
        components: { schemas },
        paths: {
          "/x": {
            get: { operationId: id, responses: { 200: { content: { "application/json": { schema } } } } },
          },
        },
      });
      const seen = { method: "GET", path: "/x", status: 200, contentType: "application/json" };
      expect(only.undeclared({ ...seen, text: JSON.stringify(example) }), id).toBeUndefined();
    }
  });

  test("an answer that is not declared is noticed", () => {
    const seen = {
      method: "GET",
      path: "/livez",
      status: 200,
      contentType: "application/json; charset=utf-8",
    };
    expect(box.served.undeclared({ ...seen, text: '{"alive":true}' })).toBeUndefined();
    expect(box.served.undeclared({ ...seen, text: '{"alive":true,"more":1}' })).toContain("more");
    expect(box.served.undeclared({ ...seen, text: "{}" })).toContain("alive");
    expect(box.served.undeclared({ ...seen, status: 202, text: "" })).toContain("does not declare");
    expect(box.served.undeclared({ ...seen, contentType: "text/html", text: "<p>" })).toContain(
      "is text/html",
    );
    expect(box.served.undeclared({ ...seen, path: "/nowhere", text: "" })).toContain("not declared at all");
  });

  test("is a page that needs no script and nothing from elsewhere", async () => {
    const { status, headers, text } = await page("/v1/docs");
    expect(status).toBe(200);
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
    for (const [, { path }] of ours) {
      expect(text).toContain(`<code>${path.replaceAll(/:(\w+)/g, "{$1}")}</code>`);
    }
    expect(text).not.toMatch(/<script|<link|<img|\son\w+=|src=|style="/);
    const elsewhere = [...text.matchAll(/href="([^"]*)"/g)].filter(([, to = ""]) => !/^(#|\/v1\/)/.test(to));
    expect(elsewhere).toEqual([]);
  });

  test("has a page for each error, where the problem says it is", async () => {
    const { body } = await box.call("GET", "/v1/jobs/nonsense");
    expect(body["type"]).toBe("/v1/errors/JOB_NOT_FOUND");
    expect((await page(String(body["type"]))).text).toContain("No such job.");
    const list = await page("/v1/errors");
    for (const code of Object.keys(errorCatalogue)) expect(list.text).toContain(`href="/v1/errors/${code}"`);
    expect((await box.call("GET", "/v1/errors/__proto__", { token: null })).status).toBe(404);
    expect((await box.call("GET", "/v1/errors/%3Cscript%3E", { token: null })).status).toBe(404);
  });
});
