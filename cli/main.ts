import { createProcessIo } from "./io.ts";
import { runCli } from "./program.ts";

// The exit code is set rather than exited with, so that everything written still arrives.
process.exitCode = await runCli(createProcessIo(process, process.env));
