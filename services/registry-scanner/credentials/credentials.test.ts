import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { SlipwayError } from "#common/domain/errors.ts";
import { aRegistry, aServer, createdAt, failureOf, host, password, shop } from "../oci/testing/harness.ts";
import { aConfigFile, aHelper, aWorld, answer, fileOf, list, login, pullSecrets } from "./testing/harness.ts";

// Each place a credential may lie in, against a registry that takes only the right one.

const refused = { code: "REGISTRY_AUTH_FAILED" };

describe("config.json", () => {
  test("its credential is used, and a rotated one without a restart", async () => {
    const { source, registry, clock } = await aWorld();
    const dockerConfigFile = await aConfigFile({ auths: { [host]: login("old") } });
    const clients = source({ dockerConfigFile });
    await expect(list(clients)).rejects.toMatchObject(refused);
    await aConfigFile({ auths: { [`https://${host}/v2/`]: login(password) } });
    registry.resetRequests();
    expect(await list(clients)).toEqual(["1.0"]); // the old one, refused, and the new one
    expect(registry.requests().total).toBe(2);
    await writeFile(dockerConfigFile, "{ half a fi");
    await clock.advance(1_000);
    expect(await list(clients)).toEqual(["1.0"]);
  });

  test("a credential of another host or path is not sent", async () => {
    const { source, registry } = await aWorld();
    const auths = { "other.example.com": login(password), [`${host}/elsewhere`]: login(password) };
    const clients = source({ dockerConfigFile: await aConfigFile({ auths }) });
    await expect(list(clients)).rejects.toMatchObject(refused);
    expect(registry.requests().total).toBe(1);
  });

  test("an identity token is exchanged for access tokens, and a successor takes its place", async () => {
    const { source, registry } = await aWorld("token");
    registry.acceptIdentityToken("identity-canary", "successor-canary");
    const auths = { [host]: { ...login(""), identitytoken: "identity-canary" } };
    const clients = source({ dockerConfigFile: await aConfigFile({ auths }) });
    expect(await list(clients)).toEqual(["1.0"]);
    expect(await list(clients)).toEqual(["1.0"]);
    // Refused, token, list; then a list alone.
    expect(registry.requests()).toMatchObject({ tags: 3, token: 1, total: 4 });
    registry.revokeTokens();
    expect(await list(clients)).toEqual(["1.0"]);
    expect(registry.requests()).toMatchObject({ tags: 5, token: 2, total: 7 });
  });

  test("an access token is sent as it is", async () => {
    const seen: unknown[] = [];
    const url = await aServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === "Bearer as-it-is") response.end('{"tags":["1.0"]}');
      else response.writeHead(401, { "www-authenticate": 'Bearer realm="http://127.0.0.1:1/token"' }).end();
    });
    const { source, bare } = await aWorld();
    const dockerConfigFile = await aConfigFile({ auths: { [host]: { registrytoken: "as-it-is" } } });
    const clients = source({ registries: [{ ...bare, endpoint: url }], dockerConfigFile });
    expect(await list(clients)).toEqual(["1.0"]);
    expect(seen).toEqual([undefined, "Bearer as-it-is"]);
  });
});

describe("pull secrets", () => {
  test("they are asked for by repository, once, and anew after a refusal", async () => {
    const { source, registry } = await aWorld();
    const secrets = pullSecrets(password);
    const clients = source({ pullSecrets: secrets.option });
    for (let times = 0; times < 3; times += 1) expect(await list(clients)).toEqual(["1.0"]);
    const question = { environment: "default", repository: `${host}/${shop.path}` };
    expect(secrets.asked).toEqual([{ ...question, fresh: false }]);
    registry.setPassword("rotated");
    secrets.give("rotated");
    expect(await list(clients)).toEqual(["1.0"]);
    expect(secrets.asked).toEqual([
      { ...question, fresh: false },
      { ...question, fresh: true },
    ]);
  });

  test.each(["basic", "token"] as const)("of several the one that is taken is used (%s)", async (kind) => {
    const { source } = await aWorld(kind);
    expect(await list(source({ pullSecrets: pullSecrets("wrong", password).option }))).toEqual(["1.0"]);
  });

  test("a registry that says 403 of a credential that ran out gets the new one, and one that is good once", async () => {
    let taken = "new";
    const seen: unknown[] = [];
    const url = await aServer((request, response) => {
      const given = Buffer.from((request.headers.authorization ?? "").slice(6), "base64").toString();
      seen.push(given);
      if (given === "") response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
      else if (given === `bot:${taken}`) response.end('{"tags":["1.0"]}');
      else response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}');
    });
    const { source, bare, clock } = await aWorld();
    const secrets = pullSecrets("old");
    const clients = source({ registries: [{ ...bare, endpoint: url }], pullSecrets: secrets.option });
    await expect(list(clients)).rejects.toMatchObject(refused);
    expect(seen).toEqual(["", "bot:old"]);
    secrets.give("new");
    await clock.advance(60_000);
    expect(await list(clients)).toEqual(["1.0"]);
    expect(seen).toEqual(["", "bot:old", "bot:old", "bot:new"]);
    taken = "nothing";
    await expect(list(clients)).rejects.toMatchObject(refused);
    expect(seen).toHaveLength(5);
  });

  test("a watcher that is away does not keep open registries from being read", async () => {
    const open = await aRegistry();
    open.addImage(shop.path, "1.0", { createdAt });
    const { source, bare } = await aWorld();
    const away = {
      environments: ["default"],
      source: { getPullSecrets: () => Promise.reject(new SlipwayError("UNAVAILABLE", { detail: "away" })) },
    };
    const registries = [{ ...bare, endpoint: open.url }];
    expect(await list(source({ registries, pullSecrets: away }))).toEqual(["1.0"]);
    expect(await failureOf(list(source({ pullSecrets: away })))).toMatchObject({
      code: "REGISTRY_CREDENTIAL_UNREADABLE",
      detail: expect.stringContaining("away"),
    });
  });
});

test("settings go before config.json, that before helpers, those before pull secrets", async () => {
  const { source, bare } = await aWorld();
  const helper = await aHelper("sesame", answer("wrong"));
  const secrets = pullSecrets(password);
  const ofHelper = { pullSecrets: secrets.option, registries: [{ ...bare, credentialHelper: "sesame" }] };
  await expect(list(source(ofHelper))).rejects.toMatchObject(refused);
  const calls = (await helper.calls()).length;
  expect(calls).toBe(2);
  const dockerConfigFile = await aConfigFile({ auths: { [host]: login("wrong") } });
  await expect(list(source({ ...ofHelper, dockerConfigFile }))).rejects.toMatchObject(refused);
  await aConfigFile({ auths: { [host]: login(password) } });
  const passwordFile = fileOf("password");
  await writeFile(passwordFile, "wrong");
  const registries = [{ ...bare, credentialHelper: "sesame", username: "bot", passwordFile }];
  const all = { ...ofHelper, registries, dockerConfigFile };
  await expect(list(source(all))).rejects.toMatchObject(refused);
  expect(await helper.calls()).toHaveLength(calls);
  expect(secrets.asked).toEqual([]);
  await writeFile(passwordFile, password);
  expect(await list(source(all))).toEqual(["1.0"]);
});

test("no secret is ever in a log line or an error, whatever goes wrong", async () => {
  const { source, bare, lines } = await aWorld("token");
  await aHelper("sesame", answer("helper-canary"));
  for (const o of [
    { dockerConfigFile: await aConfigFile({ auths: { [host]: login("config-canary") } }) },
    { registries: [{ ...bare, credentialHelper: "sesame" }] },
    { pullSecrets: pullSecrets("pull-canary").option },
  ]) {
    const failure = await failureOf(list(source(o)));
    expect(failure).toMatchObject(refused);
    expect(inspect(failure)).not.toMatch(/canary|Ym90/);
  }
  expect(lines.join("")).not.toMatch(/canary|Ym90/);
});

/** All that a log could show of an error. */
function inspect(error: unknown): string {
  const seen: string[] = [];
  let at = error;
  for (let depth = 0; depth < 5 && at instanceof Error; depth += 1) {
    seen.push(`${at.message} ${at.stack ?? ""} ${JSON.stringify(at)}`);
    at = at.cause;
  }
  return seen.join("\n");
}
