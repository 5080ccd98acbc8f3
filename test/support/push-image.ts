import { buildImage } from "#sandbox/registry/image.ts";
import type { ImageSpec } from "#sandbox/registry/image.ts";

/** Where to push; the credential answers Basic and Bearer challenges alike. */
export interface PushTarget {
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
}

const timeoutMs = 10_000;
const pushedAtATime = 8;
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
];

/** Pushes a tiny image by the upload protocol, as the real clients do, and returns the digest the tag names. */
export async function pushImage(target: PushTarget, name: string, spec: ImageSpec): Promise<string> {
  const [repository = "", tag = "latest"] = name.split(":", 2);
  const image = buildImage(spec);
  const send = createSender(target, repository);
  for (const { digest, bytes } of image.blobs) {
    const opened = await send("POST", `/v2/${repository}/blobs/uploads/`, {});
    const location = new URL(opened.headers.get("location") ?? "", target.url);
    location.searchParams.set("digest", digest);
    await send("PUT", `${location.pathname}${location.search}`, { bytes, type: "application/octet-stream" });
  }
  for (const { digest, bytes, mediaType } of image.manifests) {
    const reference = digest === image.digest ? tag : digest;
    await send("PUT", `/v2/${repository}/manifests/${reference}`, { bytes, type: mediaType });
  }
  return image.digest;
}

/** Gives a manifest that is in the registry another tag. */
export async function pushTag(target: PushTarget, from: string, tag: string): Promise<void> {
  await pushTags(target, from, [tag]);
}

/** As `pushTag`, for many; the manifest is read once, since registries stumble when it is read and written at a time. */
export async function pushTags(target: PushTarget, from: string, tags: readonly string[]): Promise<void> {
  const [repository = "", reference = "latest"] = from.split(":", 2);
  const send = createSender(target, repository);
  const accept = manifestTypes.join(", ");
  const found = await send("GET", `/v2/${repository}/manifests/${reference}`, { accept });
  const bytes = Buffer.from(await found.arrayBuffer());
  const type = found.headers.get("content-type") ?? "application/octet-stream";
  const put = (tag: string) => send("PUT", `/v2/${repository}/manifests/${tag}`, { bytes, type });
  for (let at = 0; at < tags.length; at += pushedAtATime) {
    await Promise.all(tags.slice(at, at + pushedAtATime).map(put));
  }
}

interface Sent {
  readonly bytes?: Buffer;
  readonly type?: string;
  readonly accept?: string;
}

function createSender(target: PushTarget, repository: string) {
  let authorization: string | undefined;
  const once = (method: string, path: string, sent: Sent) =>
    fetch(new URL(path, target.url), {
      method,
      headers: {
        ...(sent.type !== undefined && { "content-type": sent.type }),
        ...(sent.accept !== undefined && { accept: sent.accept }),
        ...(authorization !== undefined && { authorization }),
      },
      ...(sent.bytes !== undefined && { body: new Uint8Array(sent.bytes) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  return async (method: string, path: string, sent: Sent): Promise<Response> => {
    const first = await once(method, path, sent);
    const challenge = first.headers.get("www-authenticate");
    if (first.status === 401 && challenge !== null && target.auth !== undefined) {
      authorization = await authorize(challenge, target.auth, repository);
    }
    const answer = first.status === 401 ? await once(method, path, sent) : first;
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
}

/** The Authorization that answers a challenge, for pulling and pushing one repository. */
export async function authorize(
  challenge: string,
  auth: { readonly username: string; readonly password: string },
  repository: string,
): Promise<string> {
  const basic = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
  const realm = /^Bearer .*realm="([^"]+)"/i.exec(challenge)?.[1];
  if (realm === undefined) return basic;
  const url = new URL(realm);
  const service = /service="([^"]+)"/.exec(challenge)?.[1];
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${repository}:pull,push`);
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(url, { headers: { authorization: basic }, signal });
  const { token } = (await answer.json()) as { token?: string };
  return `Bearer ${token ?? ""}`;
}
