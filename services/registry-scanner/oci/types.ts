/** How one registry is reached; `endpoint` redirects its host and alone lifts the ban on local addresses. */
export interface RegistrySettings {
  readonly host: string;
  /** Base URL spoken to instead of the host; named by the operator, so its address is not judged. */
  readonly endpoint?: string;
  readonly username?: string;
  readonly password?: string;
  /** Plain http to the host; addresses are judged all the same. */
  readonly insecure?: boolean;
}

/** An image repository by canonical name: host `docker.io`, path `library/nginx`. */
export interface RepositoryRef {
  readonly host: string;
  readonly path: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
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
  /** `os/architecture[/variant]`; empty for artifacts. */
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Config and layers of the platform described, compressed. */
  readonly sizeBytes?: number;
  readonly kind: "image" | "artifact";
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

/** The one door to registries. Errors are REGISTRY_* of the catalogue; an aborted signal's reason is rethrown. */
export interface OciClient {
  listTags(repository: RepositoryRef, o: CallOptions & { readonly etag?: string }): Promise<TagList>;
  /** `reference` is a tag or a digest; platform defaults to linux/amd64. */
  describe(
    repository: RepositoryRef,
    reference: string,
    o: CallOptions & { readonly platform?: Platform },
  ): Promise<ImageDescription>;
  /** The digest a tag names now, or undefined when there is no such tag. */
  headDigest(repository: RepositoryRef, tag: string, o: CallOptions): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface OciClientOptions {
  readonly registries: readonly RegistrySettings[];
  /** For one HTTP exchange with its redirects; default 30 s. */
  readonly fetchTimeoutMs?: number;
  /** Lets hosts resolve to private networks; never to loopback or link-local. */
  readonly allowPrivate?: boolean;
  readonly userAgent?: string;
  readonly now?: () => Date;
}
