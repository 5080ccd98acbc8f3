import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { createLog } from "#common/kit/log.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { createFakeClock } from "#common/testing/fake-clock.ts";
import { PullCredential } from "#proto/slipway/cluster/v1/cluster.ts";
import { createClientSource } from "../../client-source.ts";
import type { ClientSource, ClientSourceOptions } from "../../client-source.ts";
import { aRegistry, createdAt, host, password, shop, signal } from "../../oci/testing/harness.ts";

const closers: (() => Promise<unknown>)[] = [];
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-credentials-"));
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  await rm(folder, { recursive: true, force: true });
});

/** A file of the test's own folder. */
export const fileOf = (name: string): string => join(folder, name);

/** Where helpers of the test are found. */
export const pathOf = (): string => `${folder}:/usr/bin:/bin`;

/** An entry of docker's files. */
export const login = (secret: string) => ({ auth: Buffer.from(`bot:${secret}`).toString("base64") });

/** A registry that takes one password, and clients of it with what a test gives them. */
export async function aWorld(kind: "basic" | "token" = "basic") {
  const registry = await aRegistry({ auth: { username: "bot", password, kind } });
  registry.addImage(shop.path, "1.0", { createdAt });
  const clock = createFakeClock();
  const lines: string[] = [];
  // No redactor of ours: what must not be written must not even be tried.
  const log = createLog({ service: "test", level: "debug", write: (line) => void lines.push(line) });
  const bare = { host, endpoint: registry.url, insecure: false };
  const source = (o: Partial<ClientSourceOptions> = {}): ClientSource => {
    const clients = createClientSource({
      registries: [bare],
      allowPrivate: false,
      env: { PATH: pathOf() },
      clock,
      log,
      redactor: createRedactor(),
      ...o,
    });
    closers.push(() => clients.stop());
    return clients;
  };
  return { registry, bare, clock, source, lines };
}

export const list = (clients: ClientSource) =>
  clients.use(async (client) => (await client.listTags(shop, { signal: signal() })).tags);

export async function aConfigFile(config: object): Promise<string> {
  await writeFile(fileOf("config.json"), JSON.stringify(config));
  return fileOf("config.json");
}

/** A credential helper of these shell lines; it notes how it was called. */
export async function aHelper(name: string, lines: string): Promise<{ calls(): Promise<string[]> }> {
  const notes = fileOf(`${name}.calls`);
  const script = `#!/bin/sh\nread server\necho "$# $1 $server" >> ${notes}\n${lines}\n`;
  await writeFile(notes, "");
  await writeFile(fileOf(`docker-credential-${name}`), script);
  await chmod(fileOf(`docker-credential-${name}`), 0o755);
  return { calls: async () => (await readFile(notes, "utf8")).split("\n").filter((line) => line !== "") };
}

/** The shell line of a helper that answers. */
export const answer = (secret: string, username = "bot") =>
  `echo '${JSON.stringify({ ServerURL: host, Username: username, Secret: secret })}'`;

/** A watcher whose one environment holds these passwords. */
export function pullSecrets(...secrets: string[]) {
  const asked: { environment: string; repository: string; fresh: boolean }[] = [];
  let given = secrets;
  const source = {
    async getPullSecrets(request: (typeof asked)[number]) {
      asked.push(request);
      const credentials = given.map((secret) =>
        PullCredential.fromPartial({ secret: "shop/registry", username: "bot", password: secret }),
      );
      return { credentials, problems: [] };
    },
  };
  const give = (...next: string[]) => void (given = next);
  return { asked, give, option: { environments: ["default"], source } };
}
