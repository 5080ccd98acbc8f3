import type { Workload } from "#proto/slipway/cluster/v1/cluster.ts";

/** So many bytes of a workload are kept, as far as its labels and message can make room. */
const bytesAtMost = 1024;
const messageAtMost = 300;
/** Ids, numbers, times, owner, and the frames of all fields. */
const fixedBytes = 200;
const perEntryBytes = 8;

/** The workload with as many of its labels as fit: what lists and judging need is never cut. */
export function fitWorkload(workload: Workload): Workload {
  const { rollout } = workload;
  const message = rollout?.message.slice(0, messageAtMost) ?? "";
  const leftBytes = bytesAtMost - fixedBytes - namesBytes(workload) - utf8(message);
  return {
    ...workload,
    labels: firstThatFit(workload.labels, leftBytes),
    ...(rollout !== undefined && { rollout: { ...rollout, message } }),
  };
}

function namesBytes({ namespace, name, containers, owner, ...rest }: Workload): number {
  const texts = [namespace, name, rest.appliedEnvironment, rest.appliedCommit, rest.appliedJob];
  const images = containers.map((one) => utf8(one.name) + utf8(one.image) + perEntryBytes);
  const ownerBytes = utf8(owner?.name ?? "") + utf8(owner?.namespace ?? "") + utf8(owner?.objectKind ?? "");
  return [...texts.map(utf8), ...images].reduce((sum, bytes) => sum + bytes, ownerBytes);
}

function firstThatFit(labels: Workload["labels"], leftBytes: number): Workload["labels"] {
  let left = leftBytes;
  const kept: Workload["labels"] = {};
  for (const [key, value] of Object.entries(labels)) {
    left -= utf8(key) + utf8(value) + perEntryBytes;
    if (left < 0) break;
    kept[key] = value;
  }
  return kept;
}

function utf8(text: string): number {
  return Buffer.byteLength(text);
}
