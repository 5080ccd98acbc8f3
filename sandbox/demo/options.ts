import { parseArgs } from "node:util";
import { SlipwayError } from "#common/domain/errors.ts";

export interface DemoOptions {
  /** Play the story and end, instead of staying up. */
  readonly once: boolean;
  /** Go on after the story: automation, a rollback by itself, freeze, consent, lock, a killed worker. */
  readonly tour: boolean;
  /** Show every gRPC method and queue ticket. */
  readonly trace: boolean;
  /** Keep the queue in Postgres even where a redis-server is. */
  readonly queue: "auto" | "postgres";
  readonly postgres: "system" | "npm" | undefined;
}

export const demoUsage = `npm run demo [-- options]

  --once               play the story and end
  --tour               go on: automation, a broken image that undoes itself, a freeze, a consent, a
                       lock, a killed worker
  --trace              show every gRPC method and queue ticket as it happens
  --queue postgres     keep the queue in Postgres even where a redis-server is on the PATH
  --postgres npm       use the Postgres from npm even where the system has one
`;

export function readDemoOptions(args: readonly string[]): DemoOptions | "help" {
  const { values } = parse(args);
  if (values.help === true) return "help";
  const queue = oneOf("--queue", values.queue, ["auto", "postgres"]) ?? "auto";
  const postgres = oneOf("--postgres", values.postgres, ["system", "npm"]);
  return {
    once: values.once === true,
    tour: values.tour === true,
    trace: values.trace === true,
    queue,
    postgres,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: "boolean" },
        tour: { type: "boolean" },
        trace: { type: "boolean" },
        queue: { type: "string" },
        postgres: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new SlipwayError("INVALID_REQUEST", { detail, hint: demoUsage, cause });
  }
}

function oneOf<T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new SlipwayError("INVALID_REQUEST", {
    detail: `${name} takes ${allowed.join(" or ")}`,
    hint: demoUsage,
  });
}
