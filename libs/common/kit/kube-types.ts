/** What every object of the Kubernetes API carries in `metadata`, as far as we read it. */
export interface KubeMeta {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly creationTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Any object of the Kubernetes API; fields beyond the envelope are the reader's to check. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMeta;
  readonly [field: string]: unknown;
}

/** The API server's own error answer. */
export interface KubeStatus {
  readonly kind: "Status";
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
    readonly retryAfterSeconds?: number;
    readonly [field: string]: unknown;
  };
}

/** One line of a watch; errors in the stream are told by how it ends. */
export interface KubeEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
}

/**
 * closed: the server ended it as agreed, or our signal fired · gone: the version is too old, list
 * again · unauthorized: the credential ran out · error: anything else, with the HTTP status when
 * there was one; `silent` when it was open and nothing came, not even a bookmark.
 */
export type WatchEnd =
  | { readonly kind: "closed" }
  | { readonly kind: "gone" }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "error"; readonly error: Error; readonly status?: number; readonly silent?: true };

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as it is when a string, else as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** The ETag of an answer we have: when nothing changed the status is 304, without a body. */
  readonly ifNoneMatch?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** "probe" opens a connection of its own for this one request. */
  readonly connection?: "call" | "probe";
}

/** Statuses from 400 on are answers too; `body` is parsed when it is JSON, else text. */
export interface KubeResponse {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

export interface KubeWatchRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly signal: AbortSignal;
  /** The longest silence allowed now, asked after each chunk; bookmarks come about once a minute. */
  readonly silenceMs?: () => number;
  onEvent(event: KubeEvent): void;
  onOpen?(): void;
}

/** A kind the cluster serves, and where. */
export interface KubeResource {
  readonly apiVersion: string;
  readonly kind: string;
  /** "/api/v1" or "/apis/GROUP/VERSION". */
  readonly prefix: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface KubeDiscovery {
  /** Within a group in the server's order of preference. */
  readonly resources: readonly KubeResource[];
  /** Groups of which the server could not tell everything now: what is missing there may exist. */
  readonly unread: ReadonlySet<string>;
  find(apiVersion: string, kind: string): KubeResource | undefined;
}

export interface KubeAddress {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  /** Without a name the path is the collection's: of the namespace, else of the whole cluster. */
  readonly name?: string;
}

/** The Kubernetes API of one cluster, as one user. */
export interface KubeApi {
  /** Its address; another one after the kubeconfig was changed. */
  readonly server: string;
  readonly defaultNamespace: string;
  /** CLUSTER_UNAVAILABLE when there was no whole answer. A 401 reloads the credential and asks once more. */
  request(request: KubeRequest): Promise<KubeResponse>;
  /** One watch connection; resolves with how it ended, never rejects. */
  watch(request: KubeWatchRequest): Promise<WatchEnd>;
  /** What the cluster serves; remembered, unless it is to be `fresh`. */
  discover(o?: { readonly fresh?: boolean }): Promise<KubeDiscovery>;
  /** KIND_UNKNOWN when the cluster does not serve the kind, asked anew. */
  objectPath(address: KubeAddress): Promise<string>;
  reloadCredentials(): Promise<void>;
  close(): Promise<void>;
}
