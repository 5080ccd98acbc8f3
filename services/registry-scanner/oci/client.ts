import { createAuthorizer } from "./authorizer.ts";
import { createAsker } from "./asker.ts";
import type { Ask } from "./asker.ts";
import { describeFetched, fetchManifest } from "./describe.ts";
import { headerText, statusFailure } from "./failures.ts";
import { createSites, endpointOrigins, isDigest, requireReference } from "./sites.ts";
import { readTagPages } from "./tag-pages.ts";
import { createTransport } from "./transport.ts";
import { manifestAccept } from "./manifest.ts";
import type { Call } from "./http.ts";
import { createOwnCredentials } from "./own-credentials.ts";
import type {
  CallOptions,
  OciClient,
  OciClientOptions,
  OpenedImage,
  RepositoryRef,
  TagList,
} from "./types.ts";

// A registry that knows no pages sends 100,000 tags at once.
const tagsPageBytes = 16 * 1024 * 1024;
const pageSize = 1000;
const defaultPlatforms = [{ os: "linux", architecture: "amd64" }];
const plainHostLimit = 1_000;
const pingBytes = 65_536;

/** A client for the read side of OCI registries: lists, descriptions, digests. */
export function createOciClient(o: OciClientOptions): OciClient {
  const now = o.now ?? (() => new Date());
  const sites = createSites(o.registries);
  const transport = createTransport({
    namedOrigins: endpointOrigins(o.registries),
    allowPrivate: o.allowPrivate ?? false,
    fetchTimeoutMs: o.fetchTimeoutMs ?? 30_000,
    userAgent: o.userAgent ?? "slipway-registry-scanner",
    proxy: o.proxy ?? {},
  });
  const credentials = createOwnCredentials(o.registries, o.credentials);
  const authorizer = createAuthorizer({ transport, credentials, now });
  const asker = createAsker({ transport, authorizer });
  const withoutPageSize = new Set<string>();
  const askerOf = (call: Call, repository: RepositoryRef, reads: "tags" | "content"): Ask => {
    const site = sites.ofRepository(repository);
    return asker(call, { site, repositoryPath: repository.path, reads });
  };

  async function open(repository: RepositoryRef, reference: string, call: CallOptions): Promise<OpenedImage> {
    const ask = askerOf({ ...call, requests: 0 }, repository, "content");
    const top = await fetchManifest({ ask, now }, requireReference(reference));
    return {
      digest: top.digest,
      async describe({ platforms, ...later }) {
        const askMore = askerOf({ ...later, requests: 0 }, repository, "content");
        const nodes = platforms ?? o.platforms?.() ?? defaultPlatforms;
        return describeFetched({ ask: askMore, now }, top, { platforms: nodes });
      },
    };
  }

  return {
    async listTags(repository, { etag, ...o }) {
      const call: Call = { ...o, requests: 0 };
      const ask = askerOf(call, repository, "tags");
      const pages = await listPages({ ask, now, etag, host: repository.host, withoutPageSize });
      return { ...pages, requests: call.requests };
    },
    async ping(host, o) {
      const purpose = { site: sites.of(host), repositoryPath: "", reads: "content" } as const;
      const ask = asker({ ...o, requests: 0 }, purpose);
      const answer = await ask({ method: "GET", path: "", headers: {}, maxBytes: pingBytes });
      if (answer.status !== 200) throw statusFailure(answer, now());
    },
    open,
    describe: async (repository, reference, o) => (await open(repository, reference, o)).describe(o),
    async headDigest(repository, tag, o) {
      const ask = askerOf({ ...o, requests: 0 }, repository, "content");
      return headDigest({ ask, now }, requireReference(tag));
    },
    close: () => transport.close(),
  };
}

interface ListDeps {
  readonly ask: Ask;
  readonly now: () => Date;
  readonly etag: string | undefined;
  readonly host: string;
  /** Hosts that refuse a page size; learnt on the way. */
  readonly withoutPageSize: Set<string>;
}

async function listPages(deps: ListDeps): Promise<Omit<TagList, "requests">> {
  const { ask, now, etag, host, withoutPageSize } = deps;
  const askPage = async (query: string, validator: string | undefined) => {
    const path = query === "" ? "tags/list" : `tags/list?${query}`;
    const headers = {
      accept: "application/json",
      ...(validator !== undefined && { "if-none-match": validator }),
    };
    return ask({ method: "GET", path, headers, maxBytes: tagsPageBytes });
  };
  return readTagPages(
    async (question) => {
      const answer = await askPage(question.query, question.etag);
      if (answer.status === 200 || answer.status === 304) return answer;
      // Some registries refuse any page size, and say nothing by it about the repository.
      const refusesSize = question.query === sizeQuery && (answer.status === 400 || answer.status === 405);
      if (!refusesSize) throw statusFailure(answer, now());
      if (withoutPageSize.size < plainHostLimit) withoutPageSize.add(host);
      const plain = await askPage("", question.etag);
      if (plain.status !== 200 && plain.status !== 304) throw statusFailure(plain, now());
      return plain;
    },
    { query: withoutPageSize.has(host) ? "" : sizeQuery, ...(etag !== undefined && { etag }) },
  );
}

const sizeQuery = `n=${pageSize}`;

async function headDigest(
  deps: { readonly ask: Ask; readonly now: () => Date },
  reference: string,
): Promise<string | undefined> {
  const headers = { accept: manifestAccept };
  const answer = await deps.ask({ method: "HEAD", path: `manifests/${reference}`, headers, maxBytes: 0 });
  if (answer.status === 404) return undefined;
  const digest = headerText(answer, "docker-content-digest");
  if (answer.status === 200 && digest !== undefined && isDigest(digest)) return digest;
  // Not every registry knows HEAD, or names the digest: the body tells it.
  if (answer.status === 200 || answer.status === 405) return (await fetchManifest(deps, reference)).digest;
  throw statusFailure(answer, deps.now());
}
