import { readFileSync } from "node:fs";
import type { RegistrySettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { Platform } from "#common/domain/platform.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Env } from "#common/kit/env.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Log } from "#common/kit/log.ts";
import type { ProxySettings } from "#common/kit/proxies.ts";
import type { Redactor } from "#common/kit/redactor.ts";
import { createCredentials } from "./credentials/chain.ts";
import type { CredentialPlace } from "./credentials/chain.ts";
import { createDockerConfigPlace, openDockerConfig } from "./credentials/docker-config.ts";
import { createHelpersPlace } from "./credentials/helpers.ts";
import { createPullSecretsPlace } from "./credentials/pull-secrets.ts";
import type { PullSecretsSource } from "./credentials/pull-secrets.ts";
import { readAgain } from "./credentials/read-again.ts";
import { createSettingsPlace } from "./credentials/settings.ts";
import { createOciClient } from "./oci/client.ts";
import type { CredentialSource, OciClient, RegistrySettings as OciRegistry } from "./oci/types.ts";

/** The registry client with the credentials and certificates of now. */
export interface ClientSource extends Service {
  stop(): Promise<void>;
  /** Gives `work` the client, which is not closed before it ends. */
  use<T>(work: (client: OciClient) => Promise<T>): Promise<T>;
}

export interface ClientSourceOptions {
  readonly registries: readonly RegistrySettings[];
  readonly dockerConfigFile?: string | undefined;
  /** The environments whose pull secrets may be read, and who reads them. */
  readonly pullSecrets?: { readonly source: PullSecretsSource; readonly environments: readonly string[] };
  readonly proxy?: ProxySettings;
  /** What the clusters' nodes can run; undefined while it is not known. */
  readonly platforms?: () => readonly Platform[] | undefined;
  readonly allowPrivate: boolean;
  readonly env: Env;
  readonly redactor: Redactor;
  readonly log: Log;
  readonly clock: Clock;
  /** For one HTTP exchange. */
  readonly fetchTimeoutMs?: number;
  /** For one answer of a credential helper; default 10 s. */
  readonly helperTimeoutMs?: number;
}

interface Held {
  readonly client: OciClient;
  readonly registries: string;
  users: number;
}

const fetchTimeoutMs = 15_000;

/**
 * Credentials are read again as they are needed. Certificates are part of connections: when a file of
 * them has changed, the client is built anew.
 */
export function createClientSource(o: ClientSourceOptions): ClientSource {
  const credentials = credentialsOf(o);
  for (const url of [o.proxy?.https, o.proxy?.http]) o.redactor.add(passwordIn(url));
  const what = "a certificate for a registry";
  const certified = readAgain({ what, read: () => o.registries.map(toOciRegistry), ...o });
  let held = build(o, certified.now({ fresh: true }), credentials);

  function current(): Held {
    const registries = certified.now({ fresh: false });
    if (textOf(registries) === held.registries) return held;
    const before = held;
    held = build(o, registries, credentials);
    o.log.info("the certificates of a registry have changed");
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

function passwordIn(url: string | undefined): string | undefined {
  const password = url === undefined ? undefined : URL.parse(url)?.password;
  return password === undefined || password === "" ? undefined : decodeURIComponent(password);
}

/** Settings, then config.json, then helpers, then pull secrets. */
function credentialsOf(o: ClientSourceOptions): CredentialSource {
  const { registries, dockerConfigFile, pullSecrets } = o;
  const config = dockerConfigFile === undefined ? undefined : openDockerConfig(dockerConfigFile, o);
  config?.now({ fresh: true });
  const places: CredentialPlace[] = [
    createSettingsPlace(registries, o),
    ...(config === undefined ? [] : [createDockerConfigPlace(config)]),
    createHelpersPlace({ registries, config, timeoutMs: o.helperTimeoutMs }, o),
    ...(pullSecrets === undefined ? [] : [createPullSecretsPlace({ ...pullSecrets, clock: o.clock })]),
  ];
  return createCredentials({ ...o, places });
}

function build(
  o: ClientSourceOptions,
  registries: readonly OciRegistry[],
  credentials: CredentialSource,
): Held {
  const client = createOciClient({
    registries,
    credentials,
    allowPrivate: o.allowPrivate,
    fetchTimeoutMs: o.fetchTimeoutMs ?? fetchTimeoutMs,
    ...(o.proxy !== undefined && { proxy: o.proxy }),
    ...(o.platforms !== undefined && { platforms: o.platforms }),
  });
  return { client, registries: textOf(registries), users: 0 };
}

/** What a registry is reached by; its credential comes from elsewhere. */
function toOciRegistry(registry: RegistrySettings): OciRegistry {
  const { host, endpoint, insecure, caFile, certFile, keyFile, proxy } = registry;
  return {
    host,
    insecure,
    ...(endpoint !== undefined && { endpoint }),
    ...(proxy !== undefined && { proxy }),
    ...(caFile !== undefined && { ca: readPem(caFile) }),
    ...(certFile !== undefined &&
      keyFile !== undefined && { clientCertificate: { cert: readPem(certFile), key: readPem(keyFile) } }),
  };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new SlipwayError("SETTINGS_INVALID", { detail: `${file} cannot be read`, cause });
  }
}

function textOf(registries: readonly OciRegistry[]): string {
  return JSON.stringify(registries);
}
