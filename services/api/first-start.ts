import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Settings } from "#common/contracts/settings.ts";
import { laneKey, laneRefName } from "#common/domain/git-url.ts";
import type { Log } from "#common/kit/log.ts";
import { writeAudit } from "#common/store/audit.ts";
import { ensureLane } from "#common/store/lanes.ts";
import { saveSettingsRevision } from "#common/store/settings.ts";
import type { Db, Store } from "#common/store/store.ts";
import { addToken, hasAnyToken, lockFirstStart } from "#common/store/tokens.ts";

import { endingOf, hashToken, newTokenSecret } from "./access/token-secret.ts";

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
  await store.transaction(async (tx) => {
    // Several processes that start together make one token, and tell one.
    await lockFirstStart(tx);
    if (given !== undefined) return addAdmin(deps, tx, given);
    if (await hasAnyToken(tx)) return undefined;
    const token = newTokenSecret();
    await tell(deps, token);
    return addAdmin(deps, tx, token);
  });
}

async function addAdmin(deps: AdminTokenDeps, tx: Db, token: string): Promise<void> {
  const id = deps.newId();
  const row = { id, hash: hashToken(token), name: "admin", role: "admin", createdBy: "slipway" } as const;
  if (!(await addToken(tx, { ...row, ending: endingOf(token) }))) return;
  await writeAudit(tx, {
    principal: "slipway",
    operation: "createToken",
    outcome: "created",
    reason: deps.given === undefined ? "the first start" : "given to the process",
    after: { token: id, name: row.name, role: row.role, scope: {} },
  });
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
  // A file or link of that name would keep its own mode and place.
  await rm(file, { force: true });
  await writeFile(file, `${token}\n`, { mode: 0o600, flag: "wx" });
  log.info("the first admin token was written to a file", { file });
}

/** Even where a secret lies stays with the process that reads it. */
function withoutSecrets(settings: Settings): unknown {
  const secrets = ["tokenFile", "tokenEnv", "passwordFile", "passwordEnv", "secretFile", "secretEnv"];
  const named = new Set([...secrets, "keyFile", "dockerConfigFile"]);
  return JSON.parse(JSON.stringify(settings, (key, value: unknown) => (named.has(key) ? undefined : value)));
}
