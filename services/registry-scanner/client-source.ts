import type { RegistrySettings } from "#common/contracts/settings.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Env } from "#common/kit/env.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Log } from "#common/kit/log.ts";
import type { Redactor } from "#common/kit/redactor.ts";
import { readSecret } from "#common/kit/settings.ts";
import { createOciClient } from "./oci/client.ts";
import type { OciClient, RegistrySettings as OciRegistry } from "./oci/types.ts";

/** The registry client with the secrets of now. */
export interface ClientSource extends Service {
  stop(): Promise<void>;
  /** Gives `work` the client, which is not closed before it ends. */
  use<T>(work: (client: OciClient) => Promise<T>): Promise<T>;
}

export interface ClientSourceOptions {
  readonly registries: readonly RegistrySettings[];
  readonly allowPrivate: boolean;
  readonly env: Env;
  readonly redactor: Redactor;
  readonly log: Log;
  readonly clock: Clock;
  /** For one HTTP exchange. */
  readonly fetchTimeoutMs?: number;
}

interface Held {
  readonly client: OciClient;
  readonly secrets: string;
  users: number;
}

const fetchTimeoutMs = 15_000;
const readEveryMs = 1_000;

/** Reads secrets again now and then, and builds the client anew when one has changed. */
export function createClientSource(o: ClientSourceOptions): ClientSource {
  let held = build(o, readRegistries(o));
  let readAtMs = o.clock.monotonicMs();

  function current(): Held {
    const nowMs = o.clock.monotonicMs();
    if (nowMs - readAtMs < readEveryMs) return held;
    readAtMs = nowMs;
    const registries = readRegistriesOrNothing(o);
    if (registries === undefined || secretsOf(registries) === held.secrets) return held;
    const before = held;
    held = build(o, registries);
    o.log.info("registry credentials have changed");
    if (before.users === 0) void retire(before);
    return held;
  }

  async function retire(old: Held): Promise<void> {
    try {
      await old.client.close();
    } catch (error) {
      o.log.warn("a registry client did not close", { error });
    }
  }

  return {
    name: "registry-client",
    async use(work) {
      const mine = current();
      mine.users += 1;
      try {
        return await work(mine.client);
      } finally {
        mine.users -= 1;
        if (mine !== held && mine.users === 0) void retire(mine);
      }
    },
    stop: () => held.client.close(),
  };
}

function build(o: ClientSourceOptions, registries: readonly OciRegistry[]): Held {
  for (const { username, password } of registries) {
    o.redactor.add(password);
    if (password !== undefined) o.redactor.add(`${username ?? ""}:${password}`);
  }
  const client = createOciClient({
    registries,
    allowPrivate: o.allowPrivate,
    fetchTimeoutMs: o.fetchTimeoutMs ?? fetchTimeoutMs,
  });
  return { client, secrets: secretsOf(registries), users: 0 };
}

// A file is away for a moment while it is rotated; what was read last goes on until then.
function readRegistriesOrNothing(o: ClientSourceOptions): readonly OciRegistry[] | undefined {
  try {
    return readRegistries(o);
  } catch (error) {
    o.log.warn("a registry's password cannot be read; the last one is used", { error });
    return undefined;
  }
}

function readRegistries({ registries, env }: ClientSourceOptions): readonly OciRegistry[] {
  return registries.map(({ host, endpoint, username, passwordFile, passwordEnv, insecure }) => {
    const password = readSecret({ file: passwordFile, env: passwordEnv }, env);
    return {
      host,
      insecure,
      ...(endpoint !== undefined && { endpoint }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    };
  });
}

function secretsOf(registries: readonly OciRegistry[]): string {
  return JSON.stringify(registries.map(({ host, password }) => [host, password ?? null]));
}
