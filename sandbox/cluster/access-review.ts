import type { Call } from "./call.ts";
import { badRequest, noSuchResource } from "./errors.ts";
import { parseObject, readBody, sendJson } from "./http-body.ts";
import { textAt } from "./json.ts";

/** Answers a SelfSubjectAccessReview: there are no roles here, whoever has a token may do everything. */
export async function handleAccessReview(call: Call): Promise<void> {
  if (call.method !== "POST") throw noSuchResource();
  const body = parseObject(await readBody(call.request));
  if (textAt(body, "kind") !== "SelfSubjectAccessReview") {
    throw badRequest("the body is not a SelfSubjectAccessReview");
  }
  sendJson(call.response, 201, { body: { ...body, status: { allowed: true } } });
}
