import { failureText } from "./lifecycle.ts";

/** A process's `main`: what stops it from being put together is said in words, with exit code 1. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(failureText(error));
    process.exitCode = 1;
  }
}
