import { z } from "zod";

import { toSlipwayError } from "#common/domain/errors.ts";

import { seesOf } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { findJob } from "../find-job.ts";
import { createSharedReads } from "../events/shared-reads.ts";
import { streamHeaders } from "../events/sse-writer.ts";
import { followJob } from "../follow-job.ts";
import type { LiveParts } from "../live-parts.ts";
import { at, jobPath, problemAnswers, security } from "./schemas.ts";

const eventHeaders = z.object({
  "last-event-id": z
    .string()
    .regex(/^\d{1,18}$/, "the id of an event of this stream")
    .optional()
    .meta({ description: "The id of the last event seen; what came since is sent." }),
});

/** `GET /v1/jobs/:id/events`: a job's steps and changes as they happen. */
export function jobEventRoutes(app: ApiApp, deps: ApiDeps, live: LiveParts): void {
  const schema = {
    summary: "Follow a job: events `step` (its id is the seq), `job`, and `end` as the last one",
    tags: ["jobs"],
    security,
    produces: ["text/event-stream"],
    params: jobPath,
    headers: eventHeaders,
    response: {
      200: { description: "Events", content: { "text/event-stream": { schema: z.string() } } },
      ...problemAnswers,
    },
  };
  const share = createSharedReads();
  app.route({
    ...at("followJob"),
    schema,
    handler: async (request, reply) => {
      const { id: jobId } = await findJob(deps.store, request.params.id, seesOf(request));
      const after = BigInt(request.headers["last-event-id"] ?? 0);
      const answer = live.open.open(principalOf(request).tokenId, reply);
      const follower = live.watch.follow(jobId);
      reply.hijack();
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...streamHeaders });
      reply.raw.flushHeaders();
      try {
        await followJob(deps, { jobId, after, follower, share, raw: reply.raw, signal: answer.signal });
      } catch (error) {
        // The headers are out: the stream just ends, and the client comes back with its last id.
        deps.log.error("a stream of events broke", { job: jobId, error: toSlipwayError(error) });
      } finally {
        follower.close();
        answer.close();
        reply.raw.end();
      }
    },
  });
}
