import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { PullCredential } from "#proto/slipway/cluster/v1/cluster.ts";
import type { Credential } from "../oci/types.ts";
import type { CredentialPlace } from "./chain.ts";
import { toCredential } from "./docker-config.ts";
import { createKept } from "./kept.ts";

/** Who reads the pull secrets of a cluster; the watcher's client fits. */
export interface PullSecretsSource {
  getPullSecrets(request: {
    readonly environment: string;
    readonly repository: string;
    readonly fresh: boolean;
  }): Promise<{ readonly credentials: readonly PullCredential[]; readonly problems: readonly string[] }>;
}

export interface PullSecretsOptions {
  readonly source: PullSecretsSource;
  /** Those whose settings let pull secrets be read. */
  readonly environments: readonly string[];
  readonly clock: Clock;
}

const keptMs = 5 * 60_000;
const failedMs = 30_000;
const anewEveryMs = 60_000;

/** The pull secrets of the workloads that use a repository. */
export function createPullSecretsPlace(o: PullSecretsOptions): CredentialPlace {
  const ask = (key: string, fresh: boolean): Promise<Answers> => askAll(o, key, fresh);
  const kept = createKept({ ask, clock: o.clock, keptMs, failedMs, anewEveryMs });
  return {
    name: "the pull secrets of its workloads",
    async read({ host, path, signal }, { fresh }) {
      if (o.environments.length === 0 || path === "") return [];
      const { credentials, problems } = await kept.get(`${host}/${path}`, { fresh, signal });
      if (credentials.length > 0 || problems.length === 0) return credentials;
      const detail = problems.slice(0, 5).join("; ");
      throw new SlipwayError("REGISTRY_CREDENTIAL_UNREADABLE", { detail });
    },
  };
}

interface Answers {
  readonly credentials: readonly Credential[];
  readonly problems: readonly string[];
}

/** One cluster that is away must not hide the others' secrets; when there are none, it is told as a failure. */
async function askAll(o: PullSecretsOptions, repository: string, fresh: boolean): Promise<Answers> {
  const failures: SlipwayError[] = [];
  const answers = await Promise.all(
    o.environments.map(async (environment): Promise<Answers> => {
      try {
        const told = await o.source.getPullSecrets({ environment, repository, fresh });
        return { credentials: told.credentials.map(toCredential), problems: told.problems };
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const detail = `environment "${environment}": ${why}`;
        failures.push(new SlipwayError("REGISTRY_CREDENTIAL_UNREADABLE", { detail, cause }));
        return { credentials: [], problems: [detail] };
      }
    }),
  );
  const credentials = answers.flatMap((answer) => answer.credentials);
  if (credentials.length === 0 && failures[0] !== undefined) throw failures[0];
  return { credentials, problems: answers.flatMap(({ problems }) => problems) };
}
