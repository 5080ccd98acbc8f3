import { z } from "zod";

/**
 * A straightforward scanner as a process of its own: the tag list, then manifest and config of every tag,
 * eight at a time, all kept in memory. `naive-main.ts URL REPOSITORY…` prints what it took as JSON.
 */

export interface NaiveScan {
  readonly seconds: number;
  readonly requests: number;
}

const atATime = 8;
const accept = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const listAnswer = z.object({ tags: z.array(z.string()) });
const manifestAnswer = z.object({ config: z.object({ digest: z.string() }) });
const configAnswer = z.object({ created: z.string() });

const [url = "", ...repositories] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await scanAll(url, repositories))}\n`);

async function scanAll(base: string, names: readonly string[]): Promise<NaiveScan> {
  const kept = new Map<string, string>();
  let requests = 0;
  const get = async (path: string): Promise<unknown> => {
    requests += 1;
    const answer = await fetch(`${base}/v2/${path}`, { headers: { accept } });
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
    return answer.json();
  };
  const read = async (name: string, tag: string): Promise<void> => {
    const { config } = manifestAnswer.parse(await get(`${name}/manifests/${tag}`));
    const { created } = configAnswer.parse(await get(`${name}/blobs/${config.digest}`));
    kept.set(`${name}:${tag}`, created);
  };
  const beganMs = performance.now();
  for (const name of names) {
    const { tags } = listAnswer.parse(await get(`${name}/tags/list?n=1000`));
    const waiting = [...tags];
    const work = async (): Promise<void> => {
      for (let tag = waiting.pop(); tag !== undefined; tag = waiting.pop()) await read(name, tag);
    };
    await Promise.all(Array.from({ length: atATime }, work));
  }
  return { seconds: (performance.now() - beganMs) / 1000, requests };
}
