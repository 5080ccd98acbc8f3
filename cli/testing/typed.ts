import { afterEach } from "vitest";

import { runCli } from "../program.ts";
import { startFakeApi } from "./fake-api.ts";
import type { FakeApi, Routes } from "./fake-api.ts";
import { createFakeIo } from "./run.ts";

export interface Typed {
  readonly interactive?: boolean;
  readonly answers?: string[];
  /** Keys by name, or the character that is typed. */
  readonly pressed?: readonly string[];
}

/** How a test types a command: within this process, against a server that speaks the contract. */
export function createTyped() {
  let api: FakeApi | undefined;
  const close = async (): Promise<void> => {
    await api?.close();
    api = undefined;
  };
  afterEach(close);
  return async (args: readonly string[], routes: Routes = {}, typed: Typed = {}) => {
    await close();
    const server = await startFakeApi(routes);
    api = server;
    const env = { SLIPWAY_URL: server.url, SLIPWAY_TOKEN: "t" };
    const io = createFakeIo(args, { env, live: typed.interactive === true, ...typed });
    const code = await runCli(io);
    const [out, err] = [io.outLines.join("\n"), io.errLines.join("\n")];
    return { code, out, err, questions: io.questions, server };
  };
}
