import type { Platform } from "#common/domain/platform.ts";
import type { ProxySettings } from "#common/kit/proxies.ts";

/** How one registry is reached; `endpoint` redirects its host and alone lifts the ban on local addresses. */
export interface RegistrySettings {
  readonly host: string;
  /** Base URL spoken to instead of the host; named by the operator, so its address is not judged. */
  readonly endpoint?: string;
  readonly username?: string;
  readonly password?: string;
  /** Plain http to the host; addresses are judged all the same. */
  readonly insecure?: boolean;
  /** Certificates (PEM) that this registry, its token realm and its blob hosts may show besides the public ones. */
  readonly ca?: string;
  /** Shown to the registry itself, never to a host it names. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /** URL of an HTTP proxy for everything this registry needs; "none": never one. */
  readonly proxy?: string;
}

/** What a registry is asked with; the parts are secrets. */
export type Credential =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** Exchanged for access tokens at the realm. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** An access token as it is. */
  | { readonly kind: "registry-token"; readonly token: string };

export interface CredentialQuestion extends RepositoryRef {
  readonly signal: AbortSignal;
}

/** What there is to ask with; `trouble` tells why there may be less than there should be. */
export interface FoundCredential {
  readonly credential?: Credential;
  readonly trouble?: Error;
}

/** Where credentials come from; asked again and again, so that a rotated one is noticed. */
export interface CredentialSource {
  find(question: CredentialQuestion): Promise<FoundCredential>;
  /** After a refusal: reads anew; never gives one of those tried. */
  findAnother(question: CredentialQuestion, tried: readonly Credential[]): Promise<FoundCredential>;
}

/** An image repository by canonical name: host `docker.io`, path `library/nginx`. */
export interface RepositoryRef {
  readonly host: string;
  readonly path: string;
}

/** What a repository lists; `complete` is false, with the reason, when the list was cut short. */
export interface TagList {
  readonly tags: readonly string[];
  /** Present only when one page was the whole list: the tag of one page says nothing about the others. */
  readonly etag?: string;
  readonly notModified?: boolean;
  readonly complete: boolean;
  readonly reason?: "too-many-pages" | "repeated-page";
  /** HTTP requests this listing took, authentication and redirects included. */
  readonly requests: number;
}

/** What is known of one image without pulling it. */
export interface ImageDescription {
  /** Of what the tag names: an index or a manifest. */
  readonly digest: string;
  readonly mediaType: string;
  readonly createdAt?: Date;
  readonly createdFrom?: "config" | "label";
  /** `os/architecture[/variant]`; empty for artifacts, and where the image does not tell. */
  readonly platforms: readonly string[];
  /** Whether any of the platforms wanted runs it; absent where the image does not tell. */
  readonly runnable?: boolean;
  /** Of the config; `org.opencontainers.image.*` also from annotations, where the config has none. */
  readonly labels: Readonly<Record<string, string>>;
  /** Config and layers of the platform described, compressed. */
  readonly sizeBytes?: number;
  readonly kind: "image" | "artifact";
}

/** Waits until one more question may be asked; gives up when the signal fires. */
export type Pace = (signal: AbortSignal) => Promise<void>;

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Awaited before each question to the registry itself. */
  readonly pace?: Pace;
}

export interface DescribeOptions extends CallOptions {
  readonly platforms?: readonly Platform[];
}

/** An image of which the manifest was read. */
export interface OpenedImage {
  readonly digest: string;
  /** Reads the rest; as `describe` of a client. */
  describe(o: DescribeOptions): Promise<ImageDescription>;
}

/** The one door to registries. Errors are REGISTRY_* of the catalogue; an aborted signal's reason is rethrown. */
export interface OciClient {
  listTags(repository: RepositoryRef, o: CallOptions & { readonly etag?: string }): Promise<TagList>;
  /** Whether the registry answers, and takes our credential; throws REGISTRY_* when not. */
  ping(host: string, o: CallOptions): Promise<void>;
  /** Reads the manifest alone: its digest tells whether more of it need be read. */
  open(repository: RepositoryRef, reference: string, o: CallOptions): Promise<OpenedImage>;
  /**
   * `reference` is a tag or a digest. Of an index the first of the nodes' platforms that it has is
   * described; `platforms` stand for those of the client's options.
   */
  describe(repository: RepositoryRef, reference: string, o: DescribeOptions): Promise<ImageDescription>;
  /** The digest a tag names now, or undefined when there is no such tag. */
  headDigest(repository: RepositoryRef, tag: string, o: CallOptions): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface OciClientOptions {
  readonly registries: readonly RegistrySettings[];
  /** For hosts whose settings hold no credential. */
  readonly credentials?: CredentialSource;
  readonly proxy?: ProxySettings;
  /** For one HTTP exchange with its redirects; default 30 s. */
  readonly fetchTimeoutMs?: number;
  /** Lets hosts resolve to private networks; never to loopback or link-local. */
  readonly allowPrivate?: boolean;
  readonly userAgent?: string;
  /** What the nodes of now can run; linux/amd64 while it is not known. */
  readonly platforms?: () => readonly Platform[] | undefined;
  readonly now?: () => Date;
}
