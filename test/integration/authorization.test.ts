import { randomBytes, randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { operations, ruleOf } from "#common/contracts/operations.ts";
import type { OperationName } from "#common/contracts/operations.ts";
import { roleAllows, roles } from "#common/domain/access.ts";
import type { Role, Scope } from "#common/domain/access.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { addToken } from "#common/store/tokens.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { recipes } from "./access-recipes.ts";
import type { Target, Targets } from "./access-recipes.ts";
import { startAccessWorld } from "./access-world.ts";
import type { AccessWorld } from "./access-world.ts";
import type { Answer } from "./api-box.ts";

/** What each scope reaches, said once more and by hand: the code must come to the same. */
const scopes = {
  everything: { scope: {}, shop: true, vault: true, environment: true, installation: true },
  environment: {
    scope: { environments: ["default"] },
    shop: true,
    vault: true,
    environment: true,
    installation: false,
  },
  namespace: {
    scope: { namespaces: ["sock-*"] },
    shop: true,
    vault: false,
    environment: false,
    installation: false,
  },
  workload: {
    scope: { workloads: ["sock-shop/front-end"] },
    shop: true,
    vault: false,
    environment: false,
    installation: false,
  },
  elsewhere: {
    scope: { namespaces: ["elsewhere"] },
    shop: false,
    vault: false,
    environment: false,
    installation: false,
  },
  otherEnvironment: {
    scope: { environments: ["other"] },
    shop: false,
    vault: false,
    environment: false,
    installation: false,
  },
} satisfies Record<
  string,
  { scope: Scope; shop: boolean; vault: boolean; environment: boolean; installation: boolean }
>;

type ScopeName = keyof typeof scopes;
const scopeNames = Object.keys(scopes) as ScopeName[];
const operationNames = Object.keys(operations) as OperationName[];
const closed = operationNames.filter((name) => ruleOf(name).role !== "public");

describe.runIf(hasPostgres())("who may do what, by the table", () => {
  let postgres: TestPostgres;
  let world: AccessWorld;
  let targets: Targets;
  const tokens = new Map<string, string>();
  beforeAll(async () => {
    postgres = await startPostgres();
    world = await startAccessWorld({ databaseUrl: await postgres.createDatabase() });
    for (const role of roles)
      for (const name of scopeNames)
        tokens.set(`${role} ${name}`, await world.token(role, scopes[name].scope));
    const shop = { environments: ["default"], namespaces: ["sock-shop"], workloads: ["sock-shop/front-end"] };
    targets = {
      jobs: {
        shop: await world.cancelledJob("sock-shop/front-end"),
        vault: await world.cancelledJob("vault/secret"),
        both: await world.cancelledJob("sock-shop/front-end", "vault/secret"),
        ghost: randomUUID(),
      },
      tokens: {
        shop: () => tokenId(shop),
        vault: () => tokenId({}),
        both: () => tokenId({}),
        ghost: async () => randomUUID(),
      },
    };
  });
  afterAll(async () => {
    await world?.box.stop();
    await postgres?.stop();
  });

  async function tokenId(scope: Scope): Promise<string> {
    const id = newUuidV7();
    await addToken(world.box.store.db, { id, hash: randomBytes(32), name: "to end", role: "viewer", scope });
    return id;
  }

  const ask = async (name: OperationName, target: Target, token: string | null): Promise<Answer> => {
    const { path, body } = await recipes[name](target, targets);
    const firstOnly = name === "followEnvironment";
    return world.box.call(ruleOf(name).method, path, {
      token,
      firstOnly,
      ...(body !== undefined && { body }),
    });
  };
  const tokenOf = (role: Role, scope: ScopeName): string => tokens.get(`${role} ${scope}`) ?? "";

  test.each(closed)("%s asks for a token, and for one that counts", async (name) => {
    for (const token of [null, "slw_unknown"]) {
      const answer = await ask(name, "shop", token);
      expect([answer.status, refusalOf(answer).code]).toEqual([401, "UNAUTHENTICATED"]);
    }
  });

  test.each(operationNames.filter((name) => !closed.includes(name)))("%s is open", async (name) => {
    expect([401, 403]).not.toContain((await ask(name, "shop", null)).status);
  });

  const byRole = closed.flatMap((name) => roles.map((role) => [name, role] as const));
  test.each(byRole)("%s by %s, in each scope", async (name, role) => {
    const { role: needs } = ruleOf(name);
    for (const scope of scopesFor(name)) {
      const told = `${name} by ${role} of ${scope}`;
      const answer = await ask(name, "shop", tokenOf(role, scope));
      if (needs === "public" || !roleAllows(role, needs)) {
        expect(refusalOf(answer), told).toEqual({
          code: "FORBIDDEN",
          detail: expect.stringContaining(`role ${needs}`),
        });
      } else expectOutcome(answer, { name, scope, target: "shop", told });
    }
  });

  const aimed = closed.filter((name) =>
    ["workload", "workloads", "job", "tokens"].includes(ruleOf(name).about),
  );
  test.each(aimed)("%s beyond the scope is as if nothing were there", async (name) => {
    for (const scope of scopesFor(name)) {
      const token = tokenOf("admin", scope);
      for (const target of ["vault", "both"] as const) {
        const answer = await ask(name, target, token);
        expectOutcome(answer, { name, scope, target, told: `${name} of ${target} in ${scope}` });
      }
    }
    if (name === "createToken" || name === "listTokens" || isAmbiguous(name, "namespace")) return;
    const hidden = plain(await ask(name, "vault", tokenOf("admin", "namespace")));
    expect(hidden).toEqual(plain(await ask(name, "ghost", tokenOf("admin", "namespace"))));
  });

  const filtered = closed.filter((name) => ruleOf(name).about === "filtered" || name === "listTokens");
  test.each(filtered)("%s tells of nothing beyond the scope", async (name) => {
    for (const scope of scopesFor(name)) {
      const answer = await ask(name, "shop", tokenOf("admin", scope));
      // No environment of that name is there for it.
      const isElsewhere = scope === "otherEnvironment" && isOfDefault(name);
      const status = isElsewhere ? 404 : isAmbiguous(name, scope) ? 400 : 200;
      // Which commits were seen is told by what is seen of them.
      if (!name.startsWith("fluxSync")) expect(answer.status, `${name} in ${scope}`).toBe(status);
      const text = JSON.stringify(answer.body).replaceAll(/"requestId":"[^"]*"/g, "");
      for (const word of hiddenFrom(scope)) expect(text, `${name} in ${scope}`).not.toContain(word);
      if (scopes[scope].shop && /^list(Workloads|Jobs|Audit|AllImages)|^exportJobs/.test(name))
        expect(text).toContain("front-end");
    }
  });

  test("every audited operation leaves one row, and only those", async () => {
    for (const name of closed) {
      const requestId = `audit-${name}`;
      const { path, body } = await recipes[name]("shop", targets);
      const headers = { "x-request-id": requestId };
      const firstOnly = name === "followEnvironment";
      const sent = { headers, firstOnly, ...(body !== undefined && { body }) };
      const answer = await world.box.call(ruleOf(name).method, path, sent);
      const rows = await world.box.store.db
        .selectFrom("audit")
        .selectAll()
        .where("request_id", "=", requestId)
        .where("operation", "=", name)
        .execute();
      // A refused one changes nothing: whether it is written down is its own choice.
      if (answer.status < 300) expect(rows, name).toHaveLength(ruleOf(name).audited ? 1 : 0);
      for (const row of rows) {
        expect(row).toMatchObject({ principal: "admin", address: "127.0.0.1" });
        expect(row.principal_id).toMatch(/^[0-9a-f-]{36}$/);
      }
    }
  });

  interface Aim {
    readonly name: OperationName;
    readonly scope: ScopeName;
    readonly target: Target;
    readonly told: string;
  }

  function expectOutcome(answer: Answer, { name, scope, target, told }: Aim): void {
    const reach = scopes[scope];
    const isReached = target === "shop" ? reach.shop : reach.shop && reach.vault;
    if (isAmbiguous(name, scope)) return expect(answer.status, told).toBe(400);
    switch (ruleOf(name).about) {
      case "nothing":
        return expect(answer.status, told).toBe(200);
      case "filtered":
        if (name.startsWith("fluxSync")) return expect([200, 404], told).toContain(answer.status);
        return expect(answer.status, told).toBe(
          scope === "otherEnvironment" && isOfDefault(name) ? 404 : 200,
        );
      case "environment":
        // None to lift is said to who might lift one.
        if (reach.environment && refusalOf(answer).code === "FREEZE_NOT_FOUND") return;
        if (reach.environment) return expect(answer.status, told).toBe(200);
        return expect(answer.status, told).toBe(scope === "otherEnvironment" ? 404 : 403);
      case "installation":
        return expect(answer.status === 403, told).toBe(!reach.installation);
      case "tokens":
        return expectToken(answer, { name, scope, target, told });
      default:
        if (isReached)
          expect([401, 403, 404], `${told} ${JSON.stringify(answer.body)}`).not.toContain(answer.status);
        else if (reach.shop && ruleOf(name).about === "workloads") {
          const { code, detail } = refusalOf(answer);
          expect([code, detail], told).toEqual([
            "WORKLOAD_NOT_FOUND",
            expect.stringMatching(/vault[:/](deployment\/)?secret/),
          ]);
        } else expect(answer.status, told).toBe(404);
    }
  }

  function expectToken(answer: Answer, { name, scope, target, told }: Aim): void {
    if (name === "listTokens") return expect(answer.status, told).toBe(200);
    const reach = scopes[scope];
    const isWithin = target === "shop" ? reach.shop : reach.installation;
    const refused = name === "createToken" ? 403 : 404;
    if (isWithin) return expect([200, 201], told).toContain(answer.status);
    return expect(answer.status, told).toBe(refused);
  }

  function hiddenFrom(scope: ScopeName): readonly string[] {
    const { shop, vault, environment } = scopes[scope];
    return [
      ...(vault ? [] : ["vault", "secret", targets.jobs.vault, targets.jobs.both]),
      ...(shop ? [] : ["front-end", targets.jobs.shop]),
      ...(scope === "environment" ? ['"other"'] : []),
      ...(scope === "otherEnvironment" ? ['"name":"default"', '"environment":"default"'] : []),
      ...(environment || scope === "otherEnvironment" ? [] : ["vault-plans"]),
    ];
  }
});

/** As our problems say it, or as fluxctl reads it. */
function refusalOf({ body }: Answer): { code: unknown; detail: unknown } {
  const { code, detail, help } = body;
  if (typeof help !== "string") return { code, detail };
  return { code: /\((\w+), request/.exec(help)?.[1], detail: help };
}

/** fluxctl names no environment at the short address: it means the only one that is seen. */
function isShort(name: OperationName): boolean {
  return name.startsWith("flux") && !name.endsWith("Of") && name !== "fluxJobs";
}

function isAmbiguous(name: OperationName, scope: ScopeName): boolean {
  return isShort(name) && scope !== "environment";
}

/** There it would be about the other environment, where all is open. */
function scopesFor(name: OperationName): readonly ScopeName[] {
  return isShort(name) ? scopeNames.filter((scope) => scope !== "otherEnvironment") : scopeNames;
}

/** What is asked about the environment `default` by name. */
function isOfDefault(name: OperationName): boolean {
  const named = ["listWorkloads", "listAllImages", "followEnvironment", "showAutomation"];
  return named.includes(name) || /^flux.*Of$/.test(name);
}

/** An answer without what names the request and its target. */
function plain({ status, body }: Answer): unknown {
  const text = JSON.stringify({ ...body, requestId: "" }).replace(/request [^)]*\)/, "");
  return {
    status,
    text: text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
      .replaceAll(/vault\/(secret|ghost)|vault:deployment\/(secret|ghost)/g, "W"),
  };
}
