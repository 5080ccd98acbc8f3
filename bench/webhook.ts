import type { ImagePage } from "#common/contracts/http.ts";

import type { Bench, BenchRun } from "./support/bench.ts";
import { quantile } from "./support/quantile.ts";
import { toRow } from "./support/row.ts";
import { onStage, type Stage } from "./support/stage.ts";

const row = "webhook.push-to-list";
const files = 50;
const rounds = 2;
const pollEveryMs = 10;
/** What a scan by the schedule finds on average: half of the shortest interval that the settings default to. */
const baselineSeconds = 15;

/** From the registry's call to the new tag, with its date, in the list of images of many workloads. */
export const webhookBench: Bench = {
  name: "webhook",
  rows: [row],
  run: (run) =>
    onStage(run, { files, sharing: 0 }, async (stage) => {
      run.note(`pushing ${files * rounds} tags, each told by a webhook`);
      const times: number[] = [];
      const before = stage.world.registry.requests().total;
      for (let round = 0; round < rounds; round += 1) {
        for (const { name, image } of stage.world.services) {
          run.signal.throwIfAborted();
          times.push(await push(run, stage, { name, image, tag: `2.0.${round}` }));
        }
      }
      const requests = stage.world.registry.requests().total - before;
      run.tell(
        toRow({
          name: row,
          value: quantile(times, 0.5),
          unit: "s",
          p99: quantile(times, 0.99),
          baseline: baselineSeconds,
          budget: "p99 2 s",
          baselineIs: "no webhook: half of the shortest scan interval",
          more: { "requests a push": Math.round((requests / times.length) * 10) / 10 },
        }),
      );
    }),
};

interface Push {
  readonly name: string;
  readonly image: string;
  readonly tag: string;
}

async function push({ signal }: BenchRun, stage: Stage, { name, image, tag }: Push): Promise<number> {
  const { world, installation, api } = stage;
  world.registry.addImage(image, tag, { createdAt: new Date(), digestSeed: `${image} ${tag}` });
  const beganMs = performance.now();
  const told = await fetch(`${installation.url}/v1/webhooks/registry/docker.io`, {
    method: "POST",
    headers: { authorization: `Bearer ${world.hookSecret}`, "content-type": "application/json" },
    body: JSON.stringify({ repository: image, tag }),
    signal,
  });
  if (told.status !== 202) throw new Error(`the webhook was answered ${told.status}`);
  const listed = async () => {
    const url = `${installation.url}/v1/images?images=3&filter=${encodeURIComponent(image)}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${installation.token}` }, signal });
    if (!answer.ok) throw new Error(`images were answered ${answer.status}`);
    const { images } = (await answer.json()) as ImagePage;
    const all = images.flatMap(({ containers }) => containers.flatMap(({ available }) => available));
    return all.some((one) => one.tag === tag && one.createdAt !== null) || undefined;
  };
  await api.poll(listed, { everyMs: pollEveryMs, what: `${name}'s new tag in the list` });
  return (performance.now() - beganMs) / 1000;
}
