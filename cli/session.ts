import { createApiClient } from "./api-client.ts";
import type { ApiClient } from "./api-client.ts";
import { createTransport } from "./http.ts";
import type { Transport } from "./http.ts";
import type { Io } from "./io.ts";
import { dataText } from "./print/data.ts";
import { createPaint } from "./print/paint.ts";
import type { Paint } from "./print/paint.ts";
import { safe } from "./print/safe.ts";
import { usageProblem } from "./problem.ts";
import { reachOf } from "./reach.ts";
import { findTarget } from "./target.ts";
import { version } from "./version.ts";

type Output = "table" | "wide" | "json" | "yaml" | "name";

/** What every verb understands, as commander hands it over. */
export interface CommonOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly environment?: string;
  readonly output: Output;
  readonly headers: boolean;
  readonly format?: "story";
  readonly url?: string;
  readonly token?: string;
  readonly context?: string;
  readonly caFile?: string;
}

/** One run of one verb: its server, its options, its streams. */
export interface Session {
  readonly io: Io;
  readonly transport: Transport;
  readonly api: ApiClient;
  readonly options: CommonOptions;
  readonly outPaint: Paint;
  readonly errPaint: Paint;
}

export async function openSession(io: Io, options: CommonOptions): Promise<Session> {
  if (options.namespace !== undefined && options.allNamespaces === true) {
    throw usageProblem("Give either --namespace or --all-namespaces");
  }
  const target = await findTarget(options, io);
  const wire = await reachOf(target, io);
  const transport = createTransport({ target, clock: io.clock, userAgent: `slipway/${version}`, wire });
  return {
    io,
    transport,
    api: createApiClient(transport),
    options,
    outPaint: createPaint(io.outColour),
    errPaint: createPaint(io.errColour),
  };
}

export interface ShownStyle {
  readonly wide: boolean;
  readonly headers: boolean;
  /** The terminal's width; undefined where nothing is to be cut: in a pipe, and with -o wide. */
  readonly columns: number | undefined;
}

/** How one result is shown in each of the outputs. */
export interface Shown {
  readonly data: unknown;
  readonly names: readonly string[];
  readonly lines: (style: ShownStyle) => readonly string[];
}

/** Prints a result as `-o` asks. */
export function show(
  session: { readonly io: Io; readonly options: Pick<CommonOptions, "output" | "headers"> },
  shown: Shown,
): void {
  const { io, options } = session;
  const { output, headers } = options;
  if (output === "json") return io.out(dataText(shown.data));
  if (output === "yaml") return io.out(dataText(shown.data, io.toYaml));
  const wide = output === "wide";
  const columns = io.outIsTerminal && !wide ? io.size().columns : undefined;
  const lines = output === "name" ? shown.names.map(safe) : shown.lines({ wide, headers, columns });
  for (const line of lines) io.out(line);
}
