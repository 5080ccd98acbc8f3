import { readFileSync, statSync } from "node:fs";
import { authsFor, parseDockerConfig } from "#common/domain/docker-auths.ts";
import type { DockerAuth, DockerConfig } from "#common/domain/docker-auths.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { Credential } from "../oci/types.ts";
import type { CredentialPlace } from "./chain.ts";
import { readAgain } from "./read-again.ts";
import type { Reread } from "./read-again.ts";
import type { PlaceDeps } from "./settings.ts";

const largestBytes = 1024 * 1024;

/** Docker's `config.json`, as it is now. */
export function openDockerConfig(
  file: string,
  { clock, log }: Pick<PlaceDeps, "clock" | "log">,
): Reread<DockerConfig> {
  const read = (): DockerConfig => {
    try {
      if (statSync(file).size > largestBytes) throw new Error("it is larger than 1 MiB");
      return parseDockerConfig(readFileSync(file, "utf8"));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SlipwayError("SETTINGS_INVALID", { detail: `${file} cannot be read: ${why}`, cause });
    }
  };
  return readAgain({ what: "docker's config.json", read, clock, log });
}

/** The credentials that stand in a `config.json` itself. */
export function createDockerConfigPlace(config: Reread<DockerConfig>): CredentialPlace {
  return {
    name: "docker's config.json",
    read: async (question, o) => authsFor(config.now(o).auths, question).map(toCredential),
  };
}

/** A credential as docker's files hold it, in our words; tokens count before passwords. */
export function toCredential(auth: Omit<DockerAuth, "key">): Credential {
  const { username, password, identityToken, registryToken } = auth;
  if (registryToken !== "") return { kind: "registry-token", token: registryToken };
  if (identityToken !== "") return { kind: "identity-token", token: identityToken };
  return { kind: "password", username, password };
}
