import type { Authorizer } from "./authorizer.ts";
import type { Site } from "./sites.ts";
import type { Call, HttpAnswer } from "./http.ts";
import type { Transport } from "./transport.ts";
import type { RepositoryRef } from "./types.ts";

/** One question to a repository; `path` follows `/v2/<repository>/`. */
export interface Question {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

/** Asks with the right credential; any status but a first 401 is an answer. */
export type Ask = (question: Question) => Promise<HttpAnswer>;

export interface AskerDeps {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  readonly siteOf: (repository: RepositoryRef) => Site;
}

export function createAsker(
  deps: AskerDeps,
): (call: Call, repository: RepositoryRef, reads: "tags" | "content") => Ask {
  return (call, repository, reads) => {
    const site = deps.siteOf(repository);
    const purpose = { site, repositoryPath: repository.path, reads };
    const send = (question: Question, authorization: string | undefined) => {
      const url = new URL(`${repository.path}/${question.path}`, site.baseUrl);
      const headers = { ...question.headers, ...(authorization !== undefined && { authorization }) };
      return deps.transport.send(call, {
        method: question.method,
        url,
        headers,
        maxBytes: question.maxBytes,
      });
    };
    return async (question) => {
      const sent = await deps.authorizer.header(call, purpose);
      const answer = await send(question, sent);
      // A challenge from a host we were redirected to is not the registry's to ask for our credential.
      if (answer.status !== 401 || answer.url.origin !== site.baseUrl.origin) return answer;
      return send(question, await deps.authorizer.answer(call, purpose, { answer, sent }));
    };
  };
}
