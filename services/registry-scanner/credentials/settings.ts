import type { RegistrySettings } from "#common/contracts/settings.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Env } from "#common/kit/env.ts";
import type { Log } from "#common/kit/log.ts";
import type { Redactor } from "#common/kit/redactor.ts";
import { readSecret } from "#common/kit/settings.ts";
import { canonicalHost } from "../oci/sites.ts";
import type { CredentialPlace } from "./chain.ts";
import { readAgain } from "./read-again.ts";

export interface PlaceDeps {
  readonly env: Env;
  readonly clock: Clock;
  readonly log: Log;
  readonly redactor: Redactor;
}

/** The names and passwords of the settings; throws at once where a password cannot be read. */
export function createSettingsPlace(
  registries: readonly RegistrySettings[],
  { env, clock, log, redactor }: PlaceDeps,
): CredentialPlace {
  const byHost = new Map(
    registries.flatMap(({ host, username, passwordFile, passwordEnv }) => {
      if (username === undefined || (passwordFile === undefined && passwordEnv === undefined)) return [];
      const read = (): string => {
        const secret = readSecret({ file: passwordFile, env: passwordEnv }, env) ?? "";
        redactor.add(secret);
        redactor.add(`${username}:${secret}`);
        return secret;
      };
      const password = readAgain({ what: `the password for ${host}`, read, clock, log });
      password.now({ fresh: true });
      return [[canonicalHost(host), { username, password }]] as const;
    }),
  );
  return {
    name: "the settings",
    async read({ host }, o) {
      const found = byHost.get(host);
      if (found === undefined) return [];
      const { username } = found;
      return [{ kind: "password", username, password: found.password.now(o) }];
    },
  };
}
