import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

const documents = Number(process.env["MANIFEST_DOCUMENTS"] ?? 100_000);
const documentsPerFile = 4;
const seed = Number(process.env["MANIFEST_SEED"] ?? Math.floor(Math.random() * 0x7fff_ffff));

interface Answer {
  readonly failure: string | null;
  readonly documents: number;
}

test(`${documents} generated documents keep every byte outside the target, and read as before but for it (MANIFEST_SEED=${seed})`, async () => {
  // One line to run the same documents again.
  process.stdout.write(`manifests: MANIFEST_SEED=${seed}\n`);
  const workers = Math.min(4, Math.max(1, availableParallelism()));
  const files = Math.ceil(documents / documentsPerFile / workers);
  const shares = Array.from({ length: workers }, (_, n) => ({ seed: seed + n, files, documentsPerFile }));
  const answers = await Promise.all(shares.map(check));
  for (const answer of answers) expect(answer.failure).toBeNull();
  expect(answers.reduce((sum, answer) => sum + answer.documents, 0)).toBeGreaterThanOrEqual(documents);
}, 300_000);

function check(share: object): Promise<Answer> {
  const worker = new Worker(new URL("./edit.worker.ts", import.meta.url), { workerData: share });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the worker ended with ${code} before it had answered`)));
  });
}
