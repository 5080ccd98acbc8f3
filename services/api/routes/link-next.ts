import type { FastifyReply, FastifyRequest } from "fastify";

/** `Link: <…>; rel="next"`, the same request from the cursor on; nothing on the last page. */
export function linkNext(
  request: Pick<FastifyRequest, "url">,
  reply: Pick<FastifyReply, "header">,
  next: string | null,
): void {
  if (next === null) return;
  const [path = "", query = ""] = request.url.split("?", 2);
  const parameters = new URLSearchParams(query);
  parameters.set("cursor", next);
  void reply.header("link", `<${path}?${parameters.toString()}>; rel="next"`);
}
