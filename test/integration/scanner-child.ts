import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnServer } from "#common/kit/child.ts";
import type { ChildServer } from "#common/kit/child.ts";
import { silentLog } from "#common/kit/log.ts";
import { hosts } from "./scanner-world.ts";

/** A scanner as a process of its own, which tests may kill. */
export interface ScannerChild {
  readonly child: ChildServer;
  /** Of its gRPC server. */
  readonly address: string;
  readonly output: () => string;
}

export interface ScannerChildOptions {
  readonly databaseUrl: string;
  readonly registryUrl: string;
  /** Of the registry's user "bot". */
  readonly password: string;
  /** More of the settings file. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly onEnd: (close: () => Promise<void>) => void;
}

export async function startScannerChild(o: ScannerChildOptions): Promise<ScannerChild> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-scanner-"));
  o.onEnd(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "slipway.yaml"), settingsFile(o));
  const { child, lines, address } = await startProcess({
    DATABASE_URL: o.databaseUrl,
    SLIPWAY_CONFIG: join(folder, "slipway.yaml"),
    SLIPWAY_GRPC_PORT: "0",
    SLIPWAY_WATCHER_ADDRESS: "127.0.0.1:9",
    SLIPWAY_LOG_LEVEL: "debug",
    SLIPWAY_TRACE: "true",
    REGISTRY_PASSWORD: o.password,
  });
  o.onEnd(() => child.stop());
  return { child, address, output: () => lines.join("\n") };
}

function settingsFile({ registryUrl, settings = {} }: ScannerChildOptions): string {
  const credential = { username: "bot", passwordEnv: "REGISTRY_PASSWORD" };
  return JSON.stringify({
    environments: [
      { name: "default", cluster: { inCluster: true }, git: { url: "https://git.example.com/shop/config" } },
    ],
    registries: [
      { host: hosts.shop, endpoint: registryUrl, ...credential },
      { host: hosts.other, endpoint: "http://127.0.0.1:9" },
    ],
    ...settings,
  });
}

async function startProcess(env: Record<string, string>) {
  const lines: string[] = [];
  const child = await spawnServer({
    name: "registry-scanner",
    command: process.execPath,
    args: [join(import.meta.dirname, "../../services/registry-scanner/main.ts")],
    env: { PATH: process.env["PATH"], ...env },
    readyWhen: /"text":"started"/,
    log: silentLog,
    onLine: (line) => lines.push(line),
  });
  const listening = lines.find((line) => line.includes("gRPC listens")) ?? "{}";
  const { address } = JSON.parse(listening.slice(listening.indexOf("{"))) as { address: string };
  return { child, lines, address };
}
