import { canonicalHost } from "./sites.ts";
import type { Credential, CredentialSource, RegistrySettings } from "./types.ts";

/** The credentials that stand in the settings of a client; for other hosts another source is asked. */
export function createOwnCredentials(
  registries: readonly RegistrySettings[],
  others: CredentialSource | undefined,
): CredentialSource {
  const own = new Map<string, Credential>();
  for (const { host, username, password } of registries) {
    if (username === undefined || password === undefined) continue;
    own.set(canonicalHost(host), { kind: "password", username, password });
  }
  return {
    async find(question) {
      const credential = own.get(question.host);
      return credential === undefined ? ((await others?.find(question)) ?? {}) : { credential };
    },
    async findAnother(question, tried) {
      return own.has(question.host) ? {} : ((await others?.findAnother(question, tried)) ?? {});
    },
  };
}
