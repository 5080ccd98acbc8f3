/** How a registry differs from the plain one, for as long as it is told to. */
export interface Quirks {
  /** Pages hold at most so many tags, whatever is asked for. */
  readonly pageCap?: number;
  /** The whole list on one page, whatever size is asked for. */
  readonly ignoresPageSize?: boolean;
  /** Order of a tag list; "oldest-first" is the order of pushing. */
  readonly order?: TagOrder;
  /** Where the Link to the next page points. */
  readonly link?: "relative" | "absolute" | "another-host";
  /** The page after one begins with the last tag of that one. */
  readonly overlappingPages?: boolean;
  /** No ETag, and so no 304. */
  readonly withoutEtag?: boolean;
  /** HEAD: answered with 405, or without the digest. */
  readonly head?: "refused" | "without-digest";
  /** Of every answer with a body. */
  readonly contentType?: string;
  /** Blobs are answered with a redirect to this URL, with the digest behind it. */
  readonly blobsAt?: string;
  /** Every credential is refused with one more challenge. */
  readonly challengesForever?: boolean;
  /** Of each `every` requests all but the last are answered with 429. */
  readonly storm?: { readonly every: number; readonly retryAfterS: number };
  /** Bodies come in pieces of so many bytes, each so late. */
  readonly drip?: Drip;
}

export type TagOrder = "lexical" | "oldest-first" | "newest-first";

export interface Drip {
  readonly bytes: number;
  readonly everyMs: number;
}

/** Shapes met in the wild, by who shows them; the numbers are examples, and change. */
export const vendors = {
  "Docker Hub": { pageCap: 100, withoutEtag: true },
  GHCR: { pageCap: 100, order: "oldest-first", withoutEtag: true },
  Quay: { pageCap: 50, link: "absolute", head: "without-digest" },
  ECR: { pageCap: 1_000, order: "newest-first", withoutEtag: true },
  "Artifact Registry": { ignoresPageSize: true, withoutEtag: true },
  Harbor: { pageCap: 100, contentType: "application/json" },
  Nexus: { ignoresPageSize: true, head: "refused" },
  "Artifactory behind a proxy": { pageCap: 100, link: "another-host", overlappingPages: true },
} as const satisfies Readonly<Record<string, Quirks>>;
