import { parentPort, workerData } from "node:worker_threads";
import * as fc from "fast-check";
import { faultOfEdit } from "./check-edit.ts";
import { generatedFile } from "./generated-files.ts";

/** Checks its share of the generated files; answers with what fast-check says of a failure, or null. */
interface Share {
  readonly seed: number;
  readonly files: number;
  readonly documentsPerFile: number;
}

const { seed, files, documentsPerFile } = workerData as Share;
let checked = 0;
const property = fc.property(generatedFile(documentsPerFile), (file) => {
  checked += 1;
  const fault = faultOfEdit(file, checked % 10 === 0);
  if (fault !== undefined) throw new Error(fault);
});
const details = fc.check(property, { seed, numRuns: files });
const failure = details.failed ? fc.defaultReportMessage(details) : null;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port leads to a thread, not to a window
parentPort?.postMessage({ failure: failure ?? null, documents: checked * documentsPerFile });
