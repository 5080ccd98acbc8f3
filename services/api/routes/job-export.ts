import { Readable } from "node:stream";

import { z } from "zod";

import { seesOf } from "../access/allowed.ts";
import { principalOf } from "../auth.ts";
import type { ApiApp, ApiDeps } from "../deps.ts";
import type { LiveParts } from "../live-parts.ts";
import { exportJobs } from "../read-jobs.ts";
import { jobSearchQuery, toSearch } from "./job-query.ts";
import { at, problemAnswers, security } from "./schemas.ts";

const linesType = "application/x-ndjson";

/** `GET /v1/jobs/export`: the history as JSON lines, as long as it is. */
export function jobExportRoutes(app: ApiApp, deps: ApiDeps, live: Pick<LiveParts, "open">): void {
  app.route({
    ...at("exportJobs"),
    schema: {
      summary: "All jobs that a search finds, newest first, a line of JSON each",
      description:
        "Cut off (the connection is closed without an end of the answer) when something goes wrong on the way.",
      tags: ["jobs"],
      security,
      querystring: z.strictObject(jobSearchQuery),
      response: {
        200: { description: "A Job a line.", content: { [linesType]: { schema: z.string() } } },
        ...problemAnswers,
      },
    },
    handler: async (request, reply) => {
      const answer = live.open.open(principalOf(request).tokenId, reply);
      const search = toSearch(request.query, deps);
      // A search that cannot be answered at all is a problem, not an answer that is cut off.
      const lines = exportJobs(deps, { search, within: seesOf(request), signal: answer.signal });
      try {
        const first = await lines.next();
        const stream = Readable.from(withFirst(first, lines), { objectMode: false });
        stream.once("close", () => answer.close());
        void reply.type(linesType).header("cache-control", "no-store");
        // The schema calls the lines a text; Fastify sends a stream of it as it comes.
        return await reply.send(stream as unknown as string);
      } catch (error) {
        answer.close();
        throw error;
      }
    },
  });
}

async function* withFirst(
  first: IteratorResult<string, unknown>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<Buffer> {
  if (first.done === true) return;
  yield Buffer.from(first.value);
  for await (const lines of rest) yield Buffer.from(lines);
}
