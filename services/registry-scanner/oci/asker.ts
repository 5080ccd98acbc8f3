import type { Authorizer, Purpose } from "./authorizer.ts";
import type { Call, HttpAnswer } from "./http.ts";
import type { Transport } from "./transport.ts";

/** One question to a repository; `path` follows `/v2/<repository>/`. */
export interface Question {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

/** Asks with the right credential; any status but a 401 that can be answered is an answer. */
export type Ask = (question: Question) => Promise<HttpAnswer>;

export interface AskerDeps {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
}

/** The first asks how, the second is for what was sent, the third for what was read anew. */
const refusalLimit = 3;

export function createAsker(deps: AskerDeps): (call: Call, purpose: Purpose) => Ask {
  return (call, purpose) => async (question) => {
    const { site, repositoryPath } = purpose;
    const url =
      repositoryPath === "" ? site.baseUrl : new URL(`${repositoryPath}/${question.path}`, site.baseUrl);
    const send = (authorization: string | undefined) => {
      const headers = { ...question.headers, ...(authorization !== undefined && { authorization }) };
      return deps.transport.send(call, { ...question, url, site, headers });
    };
    await call.pace?.(call.signal);
    const authorization = deps.authorizer(call, purpose);
    let answer = await send(await authorization.header());
    for (let refusals = 0; refusals < refusalLimit; refusals += 1) {
      // A challenge from a host we were redirected to is not the registry's to ask for our credential.
      if (answer.url.origin !== site.baseUrl.origin) return answer;
      // Some say 403 of a credential that has run out. One that is still good is not sent again.
      if (answer.status === 403 && refusals < 2) {
        const header = await authorization.afterDenial();
        if (header === undefined) return answer;
        answer = await send(header);
      } else if (answer.status === 401) answer = await send(await authorization.afterRefusal(answer));
      else return answer;
    }
    return answer;
  };
}
