import cookie from "@fastify/cookie";
import type { FastifyReply, FastifyRequest } from "fastify";

import { pageHeader, sessionCookie } from "#common/contracts/session-names.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { ApiApp, ApiDeps } from "../deps.ts";

/** A working day; then the page asks for the token again. */
const lastsSeconds = 12 * 3_600;
/** What browsers keep of a cookie, less its name and attributes. */
const longestValue = 3_800;

/**
 * Lets the page's cookie stand for the Authorization header, where there is none. Has to come before the
 * hook that asks who somebody is. See `pageHeader` for why other pages cannot use it.
 */
export async function acceptSessionCookie(app: ApiApp): Promise<void> {
  await app.register(cookie);
  app.addHook("onRequest", async (request) => {
    const token = request.cookies[sessionCookie];
    if (token === undefined || request.headers.authorization !== undefined) return;
    if (isOurPage(request)) request.headers.authorization = `Bearer ${token}`;
  });
}

/** Browsers that tell where a request comes from are believed; all of them keep the header from others. */
function isOurPage({ headers }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  return headers[pageHeader] === "1" && (site === undefined || site === "same-origin");
}

/** Keeps the token that this request was let in with. */
export function setSessionCookie(
  deps: Pick<ApiDeps, "settings">,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const token = (request.headers.authorization ?? "").replace(/^\S+ +/, "");
  if (encodeURIComponent(token).length > longestValue) {
    throw new SlipwayError("INVALID_REQUEST", { detail: "the token is too long to be kept by a browser" });
  }
  void reply.setCookie(sessionCookie, token, { ...attributes(deps, request), maxAge: lastsSeconds });
}

export function clearSessionCookie(
  deps: Pick<ApiDeps, "settings">,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  void reply.clearCookie(sessionCookie, attributes(deps, request));
}

function attributes({ settings }: Pick<ApiDeps, "settings">, request: FastifyRequest) {
  const secure = request.protocol === "https" || settings.publicUrl?.startsWith("https:") === true;
  return { path: "/", httpOnly: true, sameSite: "strict", secure } as const;
}
