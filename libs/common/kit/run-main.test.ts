import { execFile } from "node:child_process";

import { expect, test } from "vitest";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the text as a program of its own: what is tested is what a person sees of a process. */
function run(body: string): Promise<Ended> {
  const script = `
    import { SlipwayError } from ${JSON.stringify(import.meta.resolve("../domain/errors.ts"))};
    import { runMain } from ${JSON.stringify(import.meta.resolve("./run-main.ts"))};
    import { stdoutTrace } from ${JSON.stringify(import.meta.resolve("./trace.ts"))};
    await runMain(async () => { ${body} });`;
  const args = ["--input-type=module", "--eval", script];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 15_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

test("a program that ends well says nothing and exits with 0", async () => {
  expect(await run("")).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("one that cannot start says why in words, with what to do, and exits with 1", async () => {
  const ended = await run(
    `throw new SlipwayError("SETTINGS_INVALID", { detail: "two faults:\\na\\nb", hint: "mend them" });`,
  );
  expect(ended).toEqual({
    code: 1,
    stdout: "",
    stderr: "slipway: The settings have mistakes (SETTINGS_INVALID)\n  two faults:\n  a\n  b\n  mend them\n",
  });
});

test.each([
  ["an error of nobody's", `throw new TypeError("no such thing")`, "no such thing"],
  ["something that is no error", `throw "a text"`, "a text"],
])("%s is told too, without a stack", async (_, body, words) => {
  const ended = await run(body);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toBe(`slipway: Something went wrong on our side: ${words}\n`);
});

test("a trace is lines on stdout that say who", async () => {
  const ended = await run(`const trace = stdoutTrace("api"); trace("gRPC Plan ok"); trace("ticket");`);
  expect(ended).toEqual({ code: 0, stdout: "trace: api: gRPC Plan ok\ntrace: api: ticket\n", stderr: "" });
});
