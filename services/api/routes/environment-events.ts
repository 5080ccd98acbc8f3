import { z } from "zod";

import { toSlipwayError } from "#common/domain/errors.ts";

import { seesOf } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import { resolveSeen } from "../environments.ts";
import { createEnvironmentFeeds } from "../events/environment-feed.ts";
import { beginAt, followEnvironment } from "../events/follow-environment.ts";
import { streamHeaders } from "../events/sse-writer.ts";
import type { LiveParts } from "../live-parts.ts";
import { at, problemAnswers, security } from "./schemas.ts";

const eventHeaders = z.object({
  "last-event-id": z
    .string()
    .max(60)
    .optional()
    .meta({ description: "The id of the last event seen; stored events that came since are sent." }),
});

/** `GET /v1/environments/:environment/events`: what happens in an environment, as it does. */
export function environmentEventRoutes(
  app: ApiApp,
  deps: ApiDeps,
  live: Pick<LiveParts, "lists" | "open">,
): void {
  const feeds = createEnvironmentFeeds({ ...deps, ...live });
  app.route({
    ...at("followEnvironment"),
    schema: {
      summary: "Follow an environment: its jobs as they move, and which lists have changed",
      description:
        "Events: `ready` first (`complete: false`: read the lists anew), `job` for each move of a job, `workloads`, `images` and `git` when what lists tell has changed, and whatever else is kept, such as freezes. Ids stand for stored events; they are good at every replica.",
      tags: ["environments"],
      security,
      params: z.strictObject({ environment: z.string().max(63) }),
      headers: eventHeaders,
      response: {
        200: { description: "Events", content: { "text/event-stream": { schema: z.string() } } },
        ...problemAnswers,
      },
    },
    handler: async (request, reply) => {
      const sees = seesOf(request);
      const environment = resolveSeen(deps.settings, request.params.environment, sees);
      const from = await beginAt(deps, environment.name, request.headers["last-event-id"]);
      const answer = live.open.open(principalOf(request).tokenId, reply);
      const { feed, close } = feeds.follow(environment);
      reply.hijack();
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...streamHeaders });
      reply.raw.flushHeaders();
      const listener = { raw: reply.raw, signal: answer.signal };
      try {
        await followEnvironment(deps, { environment: environment.name, feed, sees, from, ...listener });
      } catch (error) {
        // The headers are out: the stream just ends, and the client comes back with its last id.
        deps.log.error("a stream of events broke", {
          environment: environment.name,
          error: toSlipwayError(error),
        });
      } finally {
        close();
        answer.close();
        reply.raw.end();
      }
    },
  });
}
