import type { EnvironmentAutomation } from "#common/contracts/automation-http.ts";
import { coversWorkload } from "#common/domain/access.ts";
import type { Reach } from "#common/domain/access.ts";
import { decideEnvironment } from "#common/domain/automation.ts";
import type { DecidedWorkload } from "#common/domain/automation.ts";
import { movesOf } from "#common/domain/decide.ts";
import { readEnvironmentFacts } from "#common/store/automation-read.ts";

import { runningWriters } from "./check/warnings.ts";
import type { ApiDeps } from "./deps.ts";
import { resolveSeen } from "./environments.ts";
import type { LiveParts } from "./live-parts.ts";
import { readSeen } from "./routes/find-workloads.ts";

/** What automation would do in all of an environment now, or once it is turned on. */
export async function readAutomation(
  deps: Pick<ApiDeps, "store" | "settings">,
  live: Pick<LiveParts, "lists">,
  asked: { readonly name: string; readonly sees: Reach },
): Promise<EnvironmentAutomation> {
  const environment = resolveSeen(deps.settings, asked.name, asked.sees);
  const { facts: known, age } = await readSeen({ ...live, sees: asked.sees }, environment);
  const { running, complete, nodes } = known;
  const { facts } = await readEnvironmentFacts(deps.store.db, {
    environment,
    cluster: {
      running: complete && running !== undefined ? new Set(running.keys()) : undefined,
      ageMs: age.clusterMs ?? undefined,
      nodes: nodes.platforms ?? [],
    },
  });
  // Were it on: what is off is told by the head alone.
  const decided = decideEnvironment({ ...facts, automation: "on" }).filter(({ decision: { workload } }) =>
    coversWorkload(asked.sees, { environment: environment.name, workload }),
  );
  return {
    environment: environment.name,
    automation: environment.automation ?? "off",
    automated: decided.filter(({ policies }) => policies.automated).length,
    moves: decided.flatMap(movesIn),
    waits: decided.flatMap(waitsIn),
    warnings: runningWriters(running),
    age,
  };
}

function movesIn({ policies, decision }: DecidedWorkload): EnvironmentAutomation["moves"] {
  return movesOf(decision).map(({ container, image: from, to, filter = null, detail = null }) => {
    return {
      workload: decision.workload,
      container,
      from,
      to,
      filter,
      detail,
      group: policies.group ?? null,
    };
  });
}

/** Only what has something newer, or follows nothing that can be read: the rest is up to date. */
function waitsIn({ policies, decision }: DecidedWorkload): EnvironmentAutomation["waits"] {
  if (!policies.automated) return [];
  const { workload, stops, containers } = decision;
  const newer = containers.filter(({ to }) => to !== undefined);
  const isTold = newer.length > 0 || stops.some(({ reason }) => reason === "policy-invalid");
  if (stops.length > 0 && isTold) {
    return stops.map(({ reason, detail = null, until }) => {
      const to = newer[0]?.to ?? null;
      return { workload, container: null, to, reason, detail, until: until?.toISOString() ?? null };
    });
  }
  return newer
    .filter(({ reason }) => reason !== "newer-image")
    .map(({ container, to = null, reason, detail = null }) => {
      return { workload, container, to, reason, detail, until: null };
    });
}
