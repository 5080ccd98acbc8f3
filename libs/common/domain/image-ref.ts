import { SlipwayError } from "./errors.ts";

/** An image reference, parsed; the canonical parts identify it, `name` keeps the spelling. */
export interface ImageRef {
  /** Canonical host with its port, lower case; "docker.io" for Docker Hub. */
  readonly registry: string;
  /** Canonical path inside the registry, for example "library/nginx". */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** The name part exactly as spelled, for example "nginx". */
  readonly name: string;
}

/** Parses by the grammar of the distribution project; throws IMAGE_REF_INVALID with what is wrong. */
export function parseImageRef(text: string): ImageRef {
  const parsed = read(text);
  if (typeof parsed === "string") {
    throw new SlipwayError("IMAGE_REF_INVALID", { detail: `${parsed} in "${shorten(text)}"` });
  }
  return parsed;
}

/** The reference, or undefined when the text is none. */
export function tryParseImageRef(text: string): ImageRef | undefined {
  const parsed = read(text);
  return typeof parsed === "string" ? undefined : parsed;
}

/** The reference as text, its name spelled as it was found. */
export function formatImageRef(ref: ImageRef): string {
  const tag = ref.tag === undefined ? "" : `:${ref.tag}`;
  const digest = ref.digest === undefined ? "" : `@${ref.digest}`;
  return `${ref.name}${tag}${digest}`;
}

/** The canonical key of the image repository, for example "docker.io/library/nginx". */
export function repositoryKey(ref: Pick<ImageRef, "registry" | "repository">): string {
  return `${ref.registry}/${ref.repository}`;
}

/** Whether both name the same image repository, however each is spelled. */
export function sameRepository(a: ImageRef, b: ImageRef): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}

/** Whether two texts mean one image, however its repository is spelled. */
export function sameImage(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [tryParseImageRef(a), tryParseImageRef(b)];
  if (left === undefined || right === undefined) return false;
  return sameRepository(left, right) && left.tag === right.tag && left.digest === right.digest;
}

/** The parts of a canonical key; throws IMAGE_REF_INVALID for anything that is not one. */
export function parseRepositoryKey(key: string): { registry: string; repository: string } {
  const ref = parseImageRef(key);
  if (ref.tag !== undefined || ref.digest !== undefined || repositoryKey(ref) !== key) {
    throw new SlipwayError("IMAGE_REF_INVALID", { detail: `"${shorten(key)}" is not a canonical name` });
  }
  return { registry: ref.registry, repository: ref.repository };
}

/**
 * The same name at another tag or digest, in the form found: a tag stays a tag, a digest stays a
 * digest, both stay both. An old digest is never kept beside a new tag: it would still decide.
 */
export function withTag(ref: ImageRef, to: { readonly tag?: string; readonly digest?: string }): ImageRef {
  checkTarget(to);
  const { registry, repository, name } = ref;
  const wantsDigest = ref.digest !== undefined || to.tag === undefined;
  const digest = wantsDigest ? to.digest : undefined;
  const wantsTag = ref.tag !== undefined || digest === undefined;
  const tag = wantsTag ? to.tag : undefined;
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    name,
  };
}

/** Whether the text can be a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Whether the text is a digest of an algorithm registries use, with the right length. */
export function isDigest(text: string): boolean {
  return faultOfDigest(text) === undefined;
}

const longestText = 2048;
const longestPath = 255;
const tagPattern = /^\w[\w.-]{0,127}$/;
const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const domainPart = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const hostPattern = new RegExp(`^(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const digestHexLength: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** The reference, or what is wrong with the text. */
function read(text: string): ImageRef | string {
  if (text === "") return "an empty reference";
  if (text.length > longestText) return `more than ${longestText} characters`;
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const digestFault = digest === undefined ? undefined : faultOfDigest(digest);
  if (digestFault !== undefined) return digestFault;

  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const colon = beforeDigest.indexOf(":", beforeDigest.lastIndexOf("/") + 1);
  const tag = colon === -1 ? undefined : beforeDigest.slice(colon + 1);
  if (tag !== undefined && !isTag(tag)) return `"${shorten(tag)}" is not a tag`;

  const name = colon === -1 ? beforeDigest : beforeDigest.slice(0, colon);
  const canonical = canonicalName(name);
  if (typeof canonical === "string") return canonical;
  return {
    ...canonical,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    name,
  };
}

function canonicalName(name: string): { registry: string; repository: string } | string {
  if (/^[a-f0-9]{64}$/.test(name)) return "an image id instead of a name";
  const { host, path } = splitHost(name);
  if (host !== undefined && !hostPattern.test(host)) return `"${shorten(host)}" is not a registry host`;
  const fault = faultOfPath(path);
  if (fault !== undefined) return fault;
  const lower = host?.toLowerCase() ?? "docker.io";
  const registry = lower === "index.docker.io" ? "docker.io" : lower;
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  if (repository.length > longestPath) return `a name longer than ${longestPath} characters`;
  return { registry, repository };
}

/** The first part is a host when a path could not look like it: a dot, a port, upper case, localhost. */
function splitHost(name: string): { host?: string; path: string } {
  const slash = name.indexOf("/");
  if (slash === -1) return { path: name };
  const first = name.slice(0, slash);
  const isHost = /[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  return isHost ? { host: first, path: name.slice(slash + 1) } : { path: name };
}

function faultOfPath(path: string): string | undefined {
  if (path === "") return "an empty name";
  if (path.length > longestPath) return `a name longer than ${longestPath} characters`;
  const wrong = path.split("/").find((part) => !pathPattern.test(part));
  if (wrong === undefined) return undefined;
  const isOnlyUpper = pathPattern.test(wrong.toLowerCase());
  return `"${shorten(wrong)}" ${isOnlyUpper ? "has upper case letters" : "is not a name"}`;
}

function faultOfDigest(digest: string): string | undefined {
  const [algorithm = "", hex = "", ...more] = digest.split(":");
  const hexLength = Object.hasOwn(digestHexLength, algorithm) ? digestHexLength[algorithm] : undefined;
  if (hexLength === undefined || more.length > 0) return `"${shorten(digest)}" is not a digest`;
  if (hex.length !== hexLength || !/^[a-f0-9]+$/.test(hex)) {
    return `a ${algorithm} digest that is not ${hexLength} lower case hex digits`;
  }
  return undefined;
}

function checkTarget(to: { readonly tag?: string; readonly digest?: string }): void {
  if (to.tag === undefined && to.digest === undefined) {
    throw new SlipwayError("IMAGE_REF_INVALID", { detail: "neither a tag nor a digest to write" });
  }
  if (to.tag !== undefined && !isTag(to.tag)) {
    throw new SlipwayError("IMAGE_REF_INVALID", { detail: `"${shorten(to.tag)}" is not a tag` });
  }
  const fault = to.digest === undefined ? undefined : faultOfDigest(to.digest);
  if (fault !== undefined) throw new SlipwayError("IMAGE_REF_INVALID", { detail: fault });
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
