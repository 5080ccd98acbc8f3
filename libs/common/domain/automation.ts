import type { ClosedGate, DecideFacts, Decision } from "./decide.ts";
import { decide, decideTogether } from "./decide.ts";
import { SlipwayError } from "./errors.ts";
import { effectivePolicies } from "./effective-policy.ts";
import type { PolicyRule, PolicySubject } from "./effective-policy.ts";
import { containerKey } from "./plan-choice.ts";
import type { Policies } from "./policy.ts";
import { formatWorkloadId, kindLayout } from "./workload.ts";

/** A workload as the index tells it. */
export interface IndexedWorkload extends PolicySubject {
  readonly path: string;
  readonly containers: DecideFacts["workload"]["containers"];
  readonly policyFaults: readonly string[];
  readonly broken?: string | undefined;
}

/** Everything that decides over an environment. */
export interface EnvironmentFacts extends Pick<
  DecideFacts,
  "automation" | "clusterAgeMs" | "nodes" | "repositories" | "now" | "limits"
> {
  readonly rules: readonly PolicyRule[];
  readonly declared: readonly IndexedWorkload[];
  /** Undefined where the cluster's view cannot tell. */
  readonly running: ReadonlySet<string> | undefined;
  readonly holds: readonly {
    readonly workload: string;
    readonly container: string;
    readonly image: string;
    readonly reason: string;
  }[];
  /** What is closed for a namespace now. */
  readonly gatesOf: (namespace: string) => readonly ClosedGate[];
  /** Workloads that a job is at, with its name. */
  readonly busy: ReadonlyMap<string, string>;
  /** By `workload container`. */
  readonly tries: DecideFacts["tries"];
}

export interface DecidedWorkload {
  readonly namespace: string;
  readonly policies: Policies;
  readonly decision: Decision;
}

/** What becomes of every automated workload of an environment now, groups decided together. */
export function decideEnvironment(facts: EnvironmentFacts): readonly DecidedWorkload[] {
  const places = Map.groupBy(facts.declared, ({ id }) => formatWorkloadId(id));
  const known = knownOf(facts);
  const gates = new Map<string, readonly ClosedGate[]>();
  const decided = [...places].flatMap(([workload, [first, ...twins]]) => {
    if (first === undefined) return [];
    const policies = effectivePolicies(facts.rules, first);
    // One of a group that nobody automated would be left behind by the others.
    if (!policies.automated && policies.group === undefined) return [];
    const { namespace } = first.id;
    const closed = gates.get(namespace) ?? facts.gatesOf(namespace);
    gates.set(namespace, closed);
    const decision = decideOne({
      ...known(workload, first),
      workload: {
        id: first.id,
        policies,
        containers: first.containers,
        broken: first.broken,
        twins: twins.map(({ path }) => path),
      },
      policyFaults: first.policyFaults,
      gates: closed,
    });
    return [{ namespace, policies, decision }];
  });
  const together = decideTogether(
    decided.map(({ policies, decision }) => ({ group: policies.group, decision })),
  );
  return decided.map((one, at) => ({ ...one, decision: together[at] ?? one.decision }));
}

/** What cannot be decided over one workload is told of it, and holds up no other. */
function decideOne(facts: DecideFacts): Decision {
  try {
    return decide(facts);
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    const workload = formatWorkloadId(facts.workload.id);
    return { workload, stops: [{ reason: "policy-invalid", detail: error.message }], containers: [] };
  }
}

type Known = Omit<DecideFacts, "workload" | "policyFaults" | "gates">;

/** Facts of one workload among those of all. */
function knownOf(facts: EnvironmentFacts): (workload: string, subject: IndexedWorkload) => Known {
  const { automation, clusterAgeMs, nodes = [], repositories, now, limits, running, busy, tries } = facts;
  const holds = Map.groupBy(facts.holds, ({ workload }) => workload);
  return (workload, { id, containers }) => ({
    automation,
    // No watcher sees a HelmRelease or a custom kind: that they do not show says nothing.
    running: running && (running.has(workload) || kindLayout(id.kind) === undefined),
    clusterAgeMs,
    nodes,
    repositories,
    holds: new Map((holds.get(workload) ?? []).map((hold) => [hold.container, hold])),
    rollingOut: busy.get(workload),
    tries: new Map(
      containers.flatMap(({ name }) => {
        const tried = tries?.get(containerKey({ workload, container: name }));
        return tried === undefined ? [] : [[name, tried] as const];
      }),
    ),
    now,
    limits,
  });
}
