import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Settings } from "#common/contracts/settings.ts";
import { laneKey, laneRefName } from "#common/domain/git-url.ts";
import type { Log } from "#common/kit/log.ts";
import { ensureLane } from "#common/store/lanes.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import type { Store } from "#common/store/store.ts";
import { addToken, hasAnyToken } from "#common/store/tokens.ts";

import { hashToken } from "./auth.ts";

/** Where a token can be told to the person who starts us. */
export interface Teller {
  /** A terminal somebody looks at; undefined when there is none. */
  readonly print: ((text: string) => void) | undefined;
  readonly folder: string;
}

export interface AdminTokenDeps {
  readonly store: Store;
  readonly log: Log;
  readonly newId: () => string;
  readonly given: string | undefined;
  readonly teller: Teller;
}

/** Stores the settings as a revision, and a lane for each branch they name; the revision's number. */
export async function storeSettings(store: Store, settings: Settings): Promise<bigint> {
  const revision = await saveSettingsRevision(store.db, withoutSecrets(settings));
  for (const { git } of settings.environments) {
    await ensureLane(store.db, {
      id: laneKey(git.url, git.branch),
      url: git.url,
      branch: git.branch,
      laneRef: laneRefName(settings.installation, git.branch),
    });
  }
  return revision;
}

/** The given admin token counts from now on; without one, the very first start makes one and tells it once. */
export async function ensureAdminToken(deps: AdminTokenDeps): Promise<void> {
  const { store, given } = deps;
  if (given !== undefined) {
    await addToken(store.db, adminRow(deps, given));
    return;
  }
  if (await hasAnyToken(store.db)) return;
  const token = `slw_${randomBytes(32).toString("base64url")}`;
  await tell(deps, token);
  await addToken(store.db, adminRow(deps, token));
}

function adminRow(deps: AdminTokenDeps, token: string) {
  return { id: deps.newId(), hash: hashToken(token), name: "admin", role: "admin" };
}

// Told before it is stored: a token that nobody heard of would lock everybody out.
async function tell({ teller, log }: AdminTokenDeps, token: string): Promise<void> {
  if (teller.print !== undefined) {
    teller.print(`The admin token, shown this once: ${token}\n`);
    return;
  }
  const folder = join(teller.folder, ".slipway");
  const file = join(folder, "admin-token");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  log.info("the first admin token was written to a file", { file });
}

/** Even where a secret lies stays with the process that reads it. */
function withoutSecrets(settings: Settings): unknown {
  const secrets = ["tokenFile", "tokenEnv", "passwordFile", "passwordEnv", "secretFile", "secretEnv"];
  const named = new Set([...secrets, "keyFile", "dockerConfigFile"]);
  return JSON.parse(JSON.stringify(settings, (key, value: unknown) => (named.has(key) ? undefined : value)));
}
