import type { Age } from "./read-model/age.ts";
import type { Explanation } from "#common/contracts/policy-http.ts";
import { timingOf } from "#common/contracts/automation-settings.ts";
import { triesOf } from "#common/domain/automation-tries.ts";
import { decide, movesOf } from "#common/domain/decide.ts";
import type {
  ClosedGate,
  ContainerDecision,
  DecideFacts,
  RepositoryFact,
  Try,
} from "#common/domain/decide.ts";
import { effectivePolicies } from "#common/domain/effective-policy.ts";
import { tryParseImageRef } from "#common/domain/image-ref.ts";
import { imagesOf } from "#common/store/images.ts";
import type { ImageRow } from "#common/store/images.ts";
import { openJobs, triedContainers } from "#common/store/automation-facts.ts";
import { busyOf } from "#common/store/automation-read.ts";
import { liftedHolds } from "#common/store/holds.ts";

import type { ApiDeps } from "./deps.ts";
import { keyOfImage } from "./read-model/images.ts";
import type { NodeFacts } from "./read-model/node-platforms.ts";
import { policyOf, policySubject } from "./read-policy.ts";
import type { PolicyFacts } from "./read-policy.ts";

export interface ExplainFacts extends PolicyFacts {
  /** Places that declare it too, besides the row. */
  readonly twins: readonly string[];
  /** Undefined where nobody can tell. */
  readonly running: boolean | undefined;
  /** Freezes and windows that are closed for it now. */
  readonly gates: readonly ClosedGate[];
  readonly nodes: NodeFacts;
  readonly age: Age;
}

interface ExplainAsk {
  readonly container?: string | undefined;
  /** Candidates per container. */
  readonly limit: number;
}

/** What automation would do with a workload now, and the reason of each tag: `decide`, told. */
export async function explainWorkload(
  deps: Pick<ApiDeps, "store">,
  facts: ExplainFacts,
  asked: ExplainAsk,
): Promise<Explanation> {
  const { db } = deps.store;
  const declared = facts.row?.containers ?? facts.workload.containers;
  const keys = [...new Set(declared.flatMap(({ image }) => keyOfImage(image) ?? []))];
  const { name } = facts.environment;
  const [found, open, tried, lifted, now] = await Promise.all([
    imagesOf(db, keys),
    openJobs(db, name),
    triedContainers(db, name),
    liftedHolds(db, name),
    deps.store.now(),
  ]);
  const repositories = new Map(
    [...found].map(([key, row]) => [key, { rows: row.images, scannedAt: row.scanned_at }] as const),
  );
  const known = new Map([...repositories].map(([key, one]) => [key, toFact(one, now)] as const));
  const subject = { ...policySubject(facts), path: "", containers: [], policyFaults: [] };
  const rollingOut = busyOf(open, [subject]).get(facts.workload.id);
  const tries = triesIn(facts.workload.id, triesOf(tried, lifted));
  const decision = decide({ ...decideFacts(facts), repositories: known, rollingOut, tries, now });
  const wanted = decision.containers.filter(
    ({ container }) => asked.container === undefined || container === asked.container,
  );
  return {
    workload: decision.workload,
    environment: facts.environment.name,
    moves: movesOf(decision).length > 0,
    stops: decision.stops.map(({ reason, detail = null, until }) => ({
      reason,
      detail,
      until: until?.toISOString() ?? null,
    })),
    containers: wanted.map((one) => {
      const rows = repositories.get(keyOfImage(one.image) ?? "")?.rows ?? [];
      return toContainer(one, rows, asked.limit);
    }),
    age: facts.age,
  };
}

/** Of one workload, by container. */
function triesIn(workload: string, tries: ReadonlyMap<string, Try>): ReadonlyMap<string, Try> {
  const own = [...tries].filter(([key]) => key.startsWith(`${workload} `));
  return new Map(own.map(([key, tried]) => [key.slice(workload.length + 1), tried]));
}

function decideFacts(
  facts: ExplainFacts,
): Omit<DecideFacts, "repositories" | "rollingOut" | "tries" | "now"> {
  const { environment, row, workload, twins, running, gates, nodes, age, holds } = facts;
  const subject = policySubject(facts);
  const timing = timingOf(environment);
  const containers = row?.containers ?? workload.containers.map((one) => ({ ...one, editable: true }));
  return {
    workload: {
      id: subject.id,
      policies: effectivePolicies(environment.policies ?? [], subject),
      containers,
      isUndeclared: row === undefined,
      broken: row?.fault?.message,
      twins,
    },
    policyFaults: policyOf(facts).faults,
    automation: environment.automation ?? "off",
    running,
    clusterAgeMs: age.clusterMs ?? undefined,
    nodes: nodes.platforms,
    holds: new Map(holds.map(({ container, image, reason }) => [container, { image, reason }])),
    gates,
    limits: { clusterAgeMs: timing.clusterAge, imagesAgeMs: timing.imagesAge },
  };
}

function toFact(
  { rows, scannedAt }: { rows: readonly ImageRow[]; scannedAt: Date | null },
  now: Date,
): RepositoryFact {
  return {
    ageMs: scannedAt === null ? undefined : Math.max(0, now.getTime() - scannedAt.getTime()),
    images: rows.filter(isImage).map(({ tag, digest, createdAt, seenAt, firstSeenAt, platforms }) => ({
      tag,
      firstSeenAt,
      platforms,
      ...(digest !== null && { digest }),
      ...(createdAt !== null && { createdAt }),
      ...(seenAt !== null && { seenAt }),
    })),
  };
}

function isImage({ kind }: ImageRow): boolean {
  return kind !== "artifact";
}

function toContainer(
  decided: ContainerDecision,
  rows: readonly ImageRow[],
  limit: number,
): Explanation["containers"][number] {
  const {
    container,
    image,
    filter = null,
    reason,
    detail = null,
    to = null,
    candidates,
    imagesAgeMs,
  } = decided;
  const current = tryParseImageRef(image);
  const known = new Map(rows.map((row) => [row.tag, row]));
  const told = candidates.map(({ image: { tag, digest, createdAt }, reason: why }, at) => ({
    tag,
    digest: digest ?? null,
    created: createdAt?.toISOString() ?? null,
    dateFrom: dateFrom(known.get(tag)),
    order: at + 1,
    reason: why,
    current:
      current?.tag === undefined ? digest !== undefined && current?.digest === digest : current.tag === tag,
  }));
  return {
    container,
    image,
    filter,
    reason,
    detail,
    to,
    imagesMs: imagesAgeMs ?? null,
    total: told.length,
    // The one that is there is told in any case.
    candidates: told.filter((one, at) => at < limit || one.current),
  };
}

function dateFrom(
  row: ImageRow | undefined,
): Explanation["containers"][number]["candidates"][number]["dateFrom"] {
  if (row === undefined || row.createdAt === null) return "first-seen";
  return row.createdFrom === "label" ? "label" : "config";
}
