import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import type { Settings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { Env } from "./env.ts";
import type { Redactor } from "./redactor.ts";
import { judgeSettings } from "./settings-faults.ts";
import type { SettingsFault } from "./settings-faults.ts";

const largestFileBytes = 1024 * 1024;

/** Where the settings file is: --config > SLIPWAY_CONFIG > ./slipway.yaml > /etc/slipway/slipway.yaml. */
export function findSettingsFile(from: {
  readonly flag?: string | undefined;
  readonly env: Env;
  readonly cwd: string;
}): string {
  const named = from.flag ?? from.env["SLIPWAY_CONFIG"];
  if (named !== undefined && named !== "") return resolve(from.cwd, named);
  const places = [resolve(from.cwd, "slipway.yaml"), "/etc/slipway/slipway.yaml"];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new SlipwayError("SETTINGS_INVALID", {
    detail: "there is no settings file",
    hint: `Name one by --config or SLIPWAY_CONFIG, or put it at ${places.join(" or ")}.`,
  });
}

/**
 * Reads the settings file, or throws one SETTINGS_INVALID that names every mistake with its path.
 * Files it names (kubeconfig, secrets) are meant relative to the file itself and come back absolute.
 */
export async function loadSettings(path: string): Promise<Settings> {
  return parseSettings(readText(path, "the settings file"), path);
}

/** As `loadSettings`, from a text; `path` is for messages and relative names. */
export function parseSettings(text: string, path: string): Settings {
  const judged = judgeSettings(text);
  if (!judged.ok) throw mistakes(path, judged.faults);
  return withAbsolutePaths(judged.settings, dirname(resolve(path)));
}

/**
 * The secret named by a file or by an environment variable; undefined when neither is named.
 * Read at each call, so that a rotated file is noticed.
 */
export function readSecret(
  from: { readonly file?: string | undefined; readonly env?: string | undefined },
  env: Env,
): string | undefined {
  if (from.file !== undefined) return readText(from.file, "the secret file").replace(/\r?\n$/, "");
  if (from.env === undefined) return undefined;
  const value = env[from.env];
  if (value !== undefined && value !== "") return value;
  throw new SlipwayError("SETTINGS_INVALID", {
    detail: `the environment variable ${from.env}, named for a secret, is not set`,
  });
}

/** Reads secrets that settings name, anew at each call. */
export type SecretReader = (from: {
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}) => string | undefined;

/** A reader whose secrets the redactor knows from then on. */
export function createSecretReader(o: { readonly env: Env; readonly redactor: Redactor }): SecretReader {
  return (from) => {
    const secret = readSecret(from, o.env);
    o.redactor.add(secret);
    return secret;
  };
}

function readText(path: string, what: string): string {
  try {
    if (statSync(path).size > largestFileBytes) {
      throw new SlipwayError("SETTINGS_INVALID", { detail: `${what} ${path} is larger than 1 MiB` });
    }
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})`;
    throw new SlipwayError("SETTINGS_INVALID", { detail: `${what} ${path} ${reason}`, cause });
  }
}

function mistakes(path: string, faults: readonly SettingsFault[]): SlipwayError {
  return new SlipwayError("SETTINGS_INVALID", {
    detail: [`${path}:`, ...faults.map(({ line, text }) => `- line ${line}, ${text}`)].join("\n"),
    facts: { file: path, faults: faults.map(({ text }) => text), lines: faults.map(({ line }) => line) },
  });
}

function withAbsolutePaths(settings: Settings, folder: string): Settings {
  const absolute = (path: string): string => resolve(folder, path);
  return {
    ...settings,
    environments: settings.environments.map(({ cluster, git, ...rest }) => ({
      ...rest,
      cluster: {
        ...cluster,
        ...(cluster.kubeconfig !== undefined && { kubeconfig: absolute(cluster.kubeconfig) }),
      },
      git: {
        ...git,
        ...(git.tokenFile !== undefined && { tokenFile: absolute(git.tokenFile) }),
        ...(git.sshKeyFile !== undefined && { sshKeyFile: absolute(git.sshKeyFile) }),
        ...(git.knownHostsFile !== undefined && { knownHostsFile: absolute(git.knownHostsFile) }),
        ...(git.signingKeyFile !== undefined && { signingKeyFile: absolute(git.signingKeyFile) }),
        ...(git.webhook?.secretFile !== undefined && {
          webhook: { secretFile: absolute(git.webhook.secretFile) },
        }),
      },
    })),
    registries: settings.registries.map((registry) => ({
      ...registry,
      ...(registry.passwordFile !== undefined && { passwordFile: absolute(registry.passwordFile) }),
      ...(registry.caFile !== undefined && { caFile: absolute(registry.caFile) }),
      ...(registry.certFile !== undefined && { certFile: absolute(registry.certFile) }),
      ...(registry.keyFile !== undefined && { keyFile: absolute(registry.keyFile) }),
      ...(registry.webhook?.secretFile !== undefined && {
        webhook: { secretFile: absolute(registry.webhook.secretFile) },
      }),
    })),
    ...(settings.notifications !== undefined && {
      notifications: settings.notifications.map((receiver) => ({
        ...receiver,
        ...(receiver.secretFile !== undefined && { secretFile: absolute(receiver.secretFile) }),
      })),
    }),
    ...(settings.dockerConfigFile !== undefined && { dockerConfigFile: absolute(settings.dockerConfigFile) }),
  };
}
