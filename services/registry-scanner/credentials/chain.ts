import { SlipwayError } from "#common/domain/errors.ts";
import type { Clock } from "#common/kit/clock.ts";
import { warnRarely } from "#common/kit/log-rarely.ts";
import type { Log } from "#common/kit/log.ts";
import type { Redactor } from "#common/kit/redactor.ts";
import type { Credential, CredentialQuestion, CredentialSource } from "../oci/types.ts";

/** One place credentials lie in. */
export interface CredentialPlace {
  readonly name: string;
  /**
   * Those for a repository, best first; none when it has none. `fresh`: one was refused, so what is
   * kept may have run out. Throws when it cannot tell.
   */
  read(question: CredentialQuestion, o: { readonly fresh: boolean }): Promise<readonly Credential[]>;
}

/**
 * Asks places in their order; the first that has a credential decides. One that cannot tell is stepped
 * over, and named should the registry refuse us.
 */
export function createCredentials(o: {
  readonly places: readonly CredentialPlace[];
  readonly redactor: Redactor;
  readonly log: Log;
  readonly clock: Clock;
}): CredentialSource {
  const warn = warnRarely(o.log, { everyMs: 60_000, clock: o.clock });

  async function candidates(question: CredentialQuestion, fresh: boolean): Promise<Candidates> {
    let trouble: SlipwayError | undefined;
    for (const place of o.places) {
      try {
        const found = await place.read(question, { fresh });
        for (const credential of found) hide(o.redactor, credential);
        if (found.length > 0) return { found };
      } catch (cause) {
        if (question.signal.aborted) throw question.signal.reason;
        trouble ??= unreadable(question.host, place, cause);
        warn("a credential for a registry cannot be read", { host: question.host, error: trouble });
      }
    }
    return { found: [], ...(trouble !== undefined && { trouble }) };
  }

  return {
    async find(question) {
      const { found, trouble } = await candidates(question, false);
      return { credential: found[0], trouble };
    },
    async findAnother(question, tried) {
      const { found, trouble } = await candidates(question, true);
      const credential = found.find((one) => !tried.some((other) => isSame(one, other)));
      return { credential, trouble };
    },
  };
}

interface Candidates {
  readonly found: readonly Credential[];
  readonly trouble?: SlipwayError;
}

function isSame(a: Credential, b: Credential): boolean {
  if (a.kind !== "password") return b.kind === a.kind && b.token === a.token;
  return b.kind === "password" && b.username === a.username && b.password === a.password;
}

function hide(redactor: Redactor, credential: Credential): void {
  if (credential.kind !== "password") return redactor.add(credential.token);
  redactor.add(credential.password);
  redactor.add(`${credential.username}:${credential.password}`);
}

function unreadable(host: string, place: CredentialPlace, cause: unknown): SlipwayError {
  const reason = cause instanceof SlipwayError ? (cause.detail ?? cause.message) : textOf(cause);
  const detail = `the credential for ${host} in ${place.name}: ${reason}`;
  return new SlipwayError("REGISTRY_CREDENTIAL_UNREADABLE", { detail, cause, facts: { host } });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
