import { createHash, randomUUID } from "node:crypto";
import { get } from "node:http";
import type { ClientRequest } from "node:http";

import { appendSteps } from "#common/store/steps.ts";
import { addToken } from "#common/store/tokens.ts";

import type { ListStage } from "../workloads/list-stage.ts";

const clients = 500;
const clientsPerToken = 100;
const rounds = 20;

/** From a step that was stored to each of 500 clients having it, over several rounds, in seconds. */
export async function measureFanOut({ store, api }: ListStage, jobId: string): Promise<readonly number[]> {
  const heard = { count: 0, word: "", times: [] as number[], all: Promise.withResolvers<void>() };
  let beganMs = performance.now();
  const onText = (text: string): void => {
    if (heard.word === "" || !text.includes(heard.word)) return;
    heard.times.push((performance.now() - beganMs) / 1000);
    heard.count += 1;
    if (heard.count === clients) heard.all.resolve();
  };
  const open: ClientRequest[] = [];
  try {
    for (let at = 0; at < clients; at += clientsPerToken) {
      const token = `bench-${randomUUID()}`;
      const hash = createHash("sha256").update(token).digest();
      await addToken(store.db, { id: randomUUID(), hash, name: "bench", role: "viewer" });
      const url = `${api.url}/v1/jobs/${jobId}/events`;
      const some = Array.from({ length: clientsPerToken }, () => follow({ url, token }, onText));
      open.push(...(await Promise.all(some)));
    }
    for (let round = 0; round < rounds; round += 1) {
      Object.assign(heard, { count: 0, word: `round ${round}.`, all: Promise.withResolvers<void>() });
      beganMs = performance.now();
      await appendSteps(store.db, jobId, [{ text: heard.word }]);
      store.hint(jobId);
      await heard.all.promise;
    }
    return heard.times;
  } finally {
    for (const one of open) one.destroy();
  }
}

function follow(at: { url: string; token: string }, onText: (text: string) => void): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const request = get(
      at.url,
      { headers: { authorization: `Bearer ${at.token}` }, agent: false },
      (response) => {
        if (response.statusCode !== 200) {
          reject(new Error(`a stream was answered ${response.statusCode}`));
          return;
        }
        response.setEncoding("utf8").on("data", onText);
        // Ours to end.
        response.on("error", () => undefined);
        resolve(request);
      },
    );
    request.on("error", reject);
  });
}
