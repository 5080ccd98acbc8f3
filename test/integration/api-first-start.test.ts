import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { settings as settingsSchema } from "#common/contracts/settings.ts";
import { silentLog } from "#common/kit/log.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { getLane } from "#common/store/lanes.ts";
import { getSettingsRevision } from "#common/store/settings.ts";
import { createStore } from "#common/store/store.ts";
import type { Store } from "#common/store/store.ts";
import { findTokenByHash } from "#common/store/tokens.ts";
import { hasPostgres, startPostgres } from "#support/postgres.ts";
import type { TestPostgres } from "#support/postgres.ts";

import { hashToken } from "../../services/api/access/token-secret.ts";
import { ensureAdminToken, storeSettings } from "../../services/api/first-start.ts";

describe.runIf(hasPostgres())("the first start", () => {
  let postgres: TestPostgres;
  let store: Store;
  let folder: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    folder = await mkdtemp(join(tmpdir(), "slipway-first-"));
  });
  afterAll(async () => {
    await store?.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await store?.stop();
    store = createStore({ databaseUrl: await postgres.createDatabase() });
    await store.start();
  });

  const ensure = (given: string | undefined, print?: (text: string) => void) =>
    ensureAdminToken({ store, log: silentLog, newId: newUuidV7, given, teller: { print, folder } });
  const roleOf = async (token: string) => (await findTokenByHash(store.db, hashToken(token)))?.token.role;

  test("shows a new admin token once on a terminal", async () => {
    const said: string[] = [];
    await ensure(undefined, (text) => said.push(text));
    await ensure(undefined, (text) => said.push(text));
    expect(said).toHaveLength(1);
    expect(await roleOf(/slw_\S+/.exec(said[0] ?? "")?.[0] ?? "")).toBe("admin");
  });

  test("writes it to a file that only its owner reads when there is no terminal", async () => {
    await ensure(undefined);
    const file = join(folder, ".slipway/admin-token");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await roleOf((await readFile(file, "utf8")).trim())).toBe("admin");
  });

  test("takes a given token, as often as it is given, and makes none then", async () => {
    await ensure("given-token-0123456789");
    await ensure("given-token-0123456789");
    await ensure(undefined, () => expect.unreachable());
    expect(await roleOf("given-token-0123456789")).toBe("admin");
  });

  test("stores the settings without naming secrets, and a lane per branch", async () => {
    const git = { url: "https://git.example.com/shop/config.git", tokenFile: "/run/secrets/git" };
    const settings = settingsSchema.parse({
      installation: "shop",
      environments: [
        { name: "a", cluster: { inCluster: true }, git },
        { name: "b", cluster: { inCluster: true }, git: { ...git, branch: "staging" } },
      ],
      registries: [{ host: "registry.example.com", username: "bot", passwordFile: "/run/secrets/registry" }],
    });
    const revision = await storeSettings(store, settings);
    expect(await storeSettings(store, settings)).toBe(revision);
    const stored = JSON.stringify(await getSettingsRevision(store.db, revision));
    expect(stored).toContain("registry.example.com");
    expect(stored).not.toContain("/run/secrets");
    const lane = await getLane(store.db, "https://git.example.com/shop/config#staging");
    expect(lane).toMatchObject({ branch: "staging", lane_ref: "refs/slipway/shop/staging", url: git.url });
  });
});
