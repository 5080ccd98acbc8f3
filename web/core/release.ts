import type { Freeze } from "#common/contracts/gates.ts";
import type { Plan } from "#common/contracts/http.ts";
import type { ReleaseRequestInput } from "#common/contracts/requests.ts";
import type { Override } from "#common/contracts/overrides.ts";

/** What somebody chose to release, as requests. Pure. */

export interface ContainerChoice {
  readonly workload: string;
  readonly container: string;
  readonly image: string;
}

export type Choice =
  | { readonly kind: "latest"; readonly workloads: readonly string[] }
  | { readonly kind: "exact"; readonly containers: readonly ContainerChoice[] };

export function latestChoice(workloads: readonly string[]): Choice {
  return { kind: "latest", workloads };
}

interface Asked {
  readonly environment: string;
  readonly override: readonly Override[];
}

/** The question what would be done. */
export function planBody(choice: Choice, { environment, override }: Asked): ReleaseRequestInput {
  const common = { environment, override: [...override] };
  if (choice.kind === "latest") return { ...common, workloads: [...choice.workloads], images: "latest" };
  return { ...common, images: { containers: choice.containers.map((one) => ({ ...one })) } };
}

interface Confirmed extends Asked {
  readonly message: string;
  /** Workloads that were left out after looking at the plan. */
  readonly excluded: ReadonlySet<string>;
}

/** Exactly the changes of the plan that was seen, container by container: nothing newer, nothing else. */
export function releaseBody(
  plan: Plan,
  { environment, override, message, excluded }: Confirmed,
): ReleaseRequestInput {
  const containers = changesOf(plan)
    .filter(({ workload }) => !excluded.has(workload))
    .map(({ workload, container, from, to }) => ({ workload, container, image: to, from }));
  return {
    environment,
    images: { containers },
    ...(override.length === 0 ? {} : { override: [...override] }),
    ...(message.trim() === "" ? {} : { message: message.trim() }),
  };
}

/** What a plan would change. */
export function changesOf(plan: Plan) {
  return plan.results.flatMap((one) =>
    one.result === "change" && one.to !== null ? [{ ...one, to: one.to }] : [],
  );
}

export function skipsOf(plan: Plan): Plan["results"] {
  return plan.results.filter(({ result }) => result === "skip");
}

/** The changes of a plan by file, as they become one commit. */
export function byFile(plan: Plan): readonly (readonly [string, ReturnType<typeof changesOf>])[] {
  return [...Map.groupBy(changesOf(plan), ({ file }) => file ?? "")];
}

/** Freezes that the changes would wait for. */
export function freezesFor(
  changes: readonly { readonly workload: string }[],
  freezes: readonly Freeze[],
): readonly Freeze[] {
  const namespaces = new Set(changes.map(({ workload }) => workload.split(":", 1)[0]));
  return freezes.filter(({ namespace }) => namespace === null || namespaces.has(namespace));
}

const liftable: Readonly<Record<string, Override>> = {
  locked: "lock",
  "filtered-out": "filter",
  "no-policy": "filter",
  downgrade: "downgrade",
};

/** Rights that could lift what the plan left alone, or what refused it. */
export function possibleOverrides(
  plan: Plan | undefined,
  refusedBy: string | undefined,
): readonly Override[] {
  const reasons = plan === undefined ? [] : skipsOf(plan).map(({ reason }) => liftable[reason ?? ""]);
  const code = refusedBy ?? "";
  const refused: (Override | undefined)[] = [
    /LOCK/.test(code) ? "lock" : undefined,
    /FILTER|POLICY|ELIGIBLE/.test(code) ? "filter" : undefined,
    /DOWNGRADE/.test(code) ? "downgrade" : undefined,
  ];
  return [...new Set([...reasons, ...refused].filter((one) => one !== undefined))];
}
