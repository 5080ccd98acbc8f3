import type { RegistrySettings } from "#common/contracts/settings.ts";
import { helperFor, serverAddress } from "#common/domain/docker-auths.ts";
import type { DockerConfig } from "#common/domain/docker-auths.ts";
import type { Env } from "#common/kit/env.ts";
import { canonicalHost } from "../oci/sites.ts";
import type { Credential } from "../oci/types.ts";
import type { CredentialPlace } from "./chain.ts";
import { createKept } from "./kept.ts";
import type { Reread } from "./read-again.ts";
import { runHelper } from "./run-helper.ts";
import type { PlaceDeps } from "./settings.ts";

export interface HelpersOptions {
  readonly registries: readonly Pick<RegistrySettings, "host" | "credentialHelper" | "passwordEnv">[];
  /** Whose `credHelpers` and `credsStore` count after the settings' helpers. */
  readonly config: Reread<DockerConfig> | undefined;
  readonly timeoutMs?: number | undefined;
}

const keptMs = 5 * 60_000;
const failedMs = 30_000;
const anewEveryMs = 60_000;

/** What credential helpers answer; each is asked once for a host, and again after minutes or a refusal. */
export function createHelpersPlace(
  o: HelpersOptions,
  { env, clock }: Pick<PlaceDeps, "env" | "clock">,
): CredentialPlace {
  const byHost = new Map(o.registries.map((one) => [canonicalHost(one.host), one.credentialHelper]));
  const given = helperEnv(env, o.registries);
  const ask = (key: string): Promise<Credential | undefined> => {
    const [helper = "", server = ""] = key.split(" ", 2);
    return runHelper({ helper, server, env: given, timeoutMs: o.timeoutMs });
  };
  const kept = createKept({ ask, clock, keptMs, failedMs, anewEveryMs });
  return {
    name: "a credential helper",
    async read(question, { fresh }) {
      const named = byHost.get(question.host);
      const helper = named ?? (o.config && helperFor(o.config.now({ fresh }), question));
      if (helper === undefined) return [];
      const { signal } = question;
      const key = `${helper} ${serverAddress(question.host)}`;
      const credential = await kept.get(key, { fresh, signal });
      return credential === undefined ? [] : [credential];
    },
  };
}

/** Helpers log in by the cloud's own variables; ours hold secrets that are none of their business. */
function helperEnv(env: Env, registries: HelpersOptions["registries"]): Env {
  const ours = new Set(["DATABASE_URL", "REDIS_URL", ...registries.map(({ passwordEnv }) => passwordEnv)]);
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !ours.has(name) && !name.startsWith("SLIPWAY_")),
  );
}
