import type { Age } from "./read-model/age.ts";
import type { Explanation } from "#common/contracts/policy-http.ts";
import { decide, movesOf, usualLimits } from "#common/domain/decide.ts";
import type { ClosedGate, ContainerDecision, DecideFacts, RepositoryFact } from "#common/domain/decide.ts";
import { effectivePolicies } from "#common/domain/effective-policy.ts";
import { tryParseImageRef } from "#common/domain/image-ref.ts";
import { imagesOf } from "#common/store/images.ts";
import type { ImageRow } from "#common/store/images.ts";
import { rollingOutJobs } from "#common/store/jobs.ts";

import type { ApiDeps } from "./deps.ts";
import { keyOfImage } from "./read-model/images.ts";
import { policyOf, policySubject } from "./read-policy.ts";
import type { PolicyFacts } from "./read-policy.ts";

export interface ExplainFacts extends PolicyFacts {
  /** Places that declare it too, besides the row. */
  readonly twins: readonly string[];
  /** Undefined where nobody can tell. */
  readonly running: boolean | undefined;
  /** Freezes and windows that are closed for it now. */
  readonly gates: readonly ClosedGate[];
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
  const [found, rolling, now] = await Promise.all([
    imagesOf(db, keys),
    rollingOutJobs(db, facts.environment.name),
    deps.store.now(),
  ]);
  const job = rolling.find((one) => one.targets.some((target) => target.workload === facts.workload.id));
  const repositories = new Map(
    [...found].map(([key, row]) => [key, { rows: row.images, scannedAt: row.scanned_at }] as const),
  );
  const known = new Map([...repositories].map(([key, one]) => [key, toFact(one, now)] as const));
  const rollingOut = job === undefined ? undefined : `job ${job.id.slice(-8)}`;
  const decision = decide({ ...decideFacts(facts), repositories: known, rollingOut, now });
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

function decideFacts(facts: ExplainFacts): Omit<DecideFacts, "repositories" | "rollingOut" | "now"> {
  const { environment, row, workload, twins, running, gates, age, holds } = facts;
  const subject = policySubject(facts);
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
    holds: new Map(holds.map(({ container, image, reason }) => [container, { image, reason }])),
    gates,
    limits: usualLimits,
  };
}

function toFact(
  { rows, scannedAt }: { rows: readonly ImageRow[]; scannedAt: Date | null },
  now: Date,
): RepositoryFact {
  return {
    ageMs: scannedAt === null ? undefined : Math.max(0, now.getTime() - scannedAt.getTime()),
    images: rows.map(({ tag, digest, createdAt, firstSeenAt, platforms }) => ({
      tag,
      firstSeenAt,
      platforms,
      ...(digest !== null && { digest }),
      ...(createdAt !== null && { createdAt }),
    })),
  };
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
