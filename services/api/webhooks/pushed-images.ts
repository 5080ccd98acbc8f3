import { repositoryKey, tryParseImageRef } from "#common/domain/image-ref.ts";

import { isObject, itemsOf, payloadOf } from "./payload.ts";
import type { Payload } from "./payload.ts";

/**
 * The image repositories that a registry's webhook says were pushed to, by canonical key and all of
 * this host, whatever the body says. Tags and digests in it are not read: what there is, the registry
 * itself is asked.
 */
export function pushedRepositories(
  body: Buffer,
  of: { readonly contentType: string | undefined; readonly host: string },
): readonly string[] {
  const payload = payloadOf(body, of.contentType);
  if (!isObject(payload)) return [];
  const keys = namesIn(payload).flatMap((name) => keyOf(of.host, name) ?? []);
  return [...new Set(keys)].slice(0, mostRepositories);
}

/** The canonical name of a registry's host; undefined where the text is no host. */
export function canonicalHost(text: string): string | undefined {
  const ref = tryParseImageRef(`${text}/library/any`);
  return ref?.name.startsWith(`${text}/`) === true && ref.repository === "library/any"
    ? ref.registry
    : undefined;
}

/** Of one call; what comes beyond is found by the schedule. */
const mostRepositories = 100;

function namesIn(payload: Payload): readonly string[] {
  return [
    ...itemsOf(payload["events"]).flatMap(distributionName),
    // Azure sends such an event by itself.
    ...distributionName(payload),
    ...dockerHubOrPlainName(payload["repository"]),
    ...harborName(payload["event_data"]),
    ...gitHubName(payload["package"]),
    ...gitHubName(payload["registry_package"]),
  ];
}

/** The distribution project's registry, and all that send its notifications (GitLab, Azure). */
function distributionName({ target }: Payload): string[] {
  return isObject(target) ? textOf(target["repository"]) : [];
}

/** Docker Hub names an object; Quay, and whoever writes the call by hand, the repository itself. */
function dockerHubOrPlainName(repository: unknown): string[] {
  return isObject(repository) ? textOf(repository["repo_name"]) : textOf(repository);
}

function harborName(data: unknown): string[] {
  const repository = isObject(data) ? data["repository"] : undefined;
  return isObject(repository) ? textOf(repository["repo_full_name"]) : [];
}

/** GitHub and Gitea know the owner and the package apart, and spell the owner as it likes to be written. */
function gitHubName(image: unknown): string[] {
  if (!isObject(image)) return [];
  const owner = isObject(image["owner"]) ? image["owner"]["login"] : undefined;
  const [namespace] = [...textOf(image["namespace"]), ...textOf(owner)];
  const [name] = textOf(image["name"]);
  return namespace === undefined || name === undefined ? [] : [`${namespace}/${name}`.toLowerCase()];
}

function textOf(value: unknown): string[] {
  return typeof value === "string" && value !== "" ? [value] : [];
}

/** A name may be written with the host in front, if it is this one. */
function keyOf(host: string, name: string): string | undefined {
  const path = name.startsWith(`${host}/`) ? name.slice(host.length + 1) : name;
  const ref = tryParseImageRef(`${host}/${path}`);
  if (ref === undefined || ref.registry !== host) return undefined;
  return ref.tag === undefined && ref.digest === undefined ? repositoryKey(ref) : undefined;
}
