import { SlipwayError } from "#common/domain/errors.ts";
import { parseWorkloadId } from "#common/domain/workload.ts";
import type { KubeApi } from "#common/kit/kube.ts";
import { messageOf, refusalOf } from "./apply-answers.ts";
import { readLive } from "./apply-document.ts";
import { imagesOf, type LiveObject } from "./live-object.ts";

/** Its own field manager: a release or a sync, which do not know the annotation, leave it where it is. */
export const restartManager = "slipway-restart";
/** As kubectl writes it, so that either sees what the other did. */
const annotation = "kubectl.kubernetes.io/restartedAt";
/** Status writes move the resourceVersion: reading and writing again is normal. */
const maxTries = 10;

const restartable: Readonly<Record<string, string>> = {
  deployment: "Deployment",
  statefulset: "StatefulSet",
  daemonset: "DaemonSet",
};

export interface RestartAsk {
  readonly kube: Pick<KubeApi, "request" | "objectPath">;
  /** `namespace:kind/name` */
  readonly workload: string;
  /** The job's own instant: restarted then or later is restarted, however often this is asked. */
  readonly at: Date;
  readonly pause: (attempt: number) => Promise<void>;
}

export type RestartOutcome =
  | {
      readonly kind: "restarted";
      readonly uid: string;
      readonly generation: number;
      readonly images: Readonly<Record<string, string>>;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Makes a workload's pods anew, from the template as it is: one annotation on it, guarded by a fresh read. */
export async function restartWorkload(ask: RestartAsk): Promise<RestartOutcome> {
  const { kind = "", namespace, name } = parseWorkloadId(ask.workload);
  const spelled = restartable[kind];
  if (spelled === undefined) return { kind: "refused", reason: `a ${kind} has no pods to be made anew` };
  const path = await ask.kube.objectPath({ apiVersion: "apps/v1", kind: spelled, namespace, name });
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    if (attempt > 0) await ask.pause(attempt);
    const live: Restarted | undefined = await readLive(ask.kube, path);
    if (live === undefined) return { kind: "refused", reason: "not in cluster" };
    if (wasRestarted(live, ask.at)) return restarted(live, kind);
    if (live.spec?.paused === true) {
      return { kind: "refused", reason: `it is paused: kubectl rollout resume ${kind}/${name}` };
    }
    const answer = await annotate(ask, { path, live, spelled });
    if (answer.status === 200) return restarted(answer.body as Restarted, kind);
    // Somebody wrote in between, or made it anew: a read decides.
    const isRace = answer.status === 409 || (answer.status === 422 && /uid/i.test(messageOf(answer)));
    if (isRace) continue;
    const error = refusalOf(answer, path);
    if (error.next === "retry") throw error;
    return { kind: "refused", reason: error.message };
  }
  throw new SlipwayError("CLUSTER_UNAVAILABLE", {
    detail: `${path}: other writers changed it ${maxTries} times while it was restarted`,
  });
}

type Restarted = LiveObject & {
  readonly spec?: {
    readonly paused?: boolean;
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
};

/** At this job's instant, or at a later one of ours: clocks of people's machines tell nothing. */
function wasRestarted(live: Restarted, at: Date): boolean {
  const written = live.spec?.template?.metadata?.annotations?.[annotation];
  if (written === at.toISOString()) return true;
  const ours = live.metadata.managedFields?.some(
    ({ manager, fieldsV1 }) =>
      manager === restartManager && JSON.stringify(fieldsV1 ?? {}).includes(`"f:${annotation}"`),
  );
  return ours === true && Date.parse(written ?? "") >= at.getTime();
}

async function annotate(ask: RestartAsk, o: { path: string; live: Restarted; spelled: string }) {
  const { name, namespace, uid, resourceVersion } = o.live.metadata;
  const annotations = { [annotation]: ask.at.toISOString() };
  return ask.kube.request({
    method: "PATCH",
    path: o.path,
    // The annotation is nobody's decision but that of who restarts: what another tool wrote there is older.
    query: { fieldManager: restartManager, force: "true", fieldValidation: "Strict" },
    body: {
      apiVersion: "apps/v1",
      kind: o.spelled,
      metadata: { name, namespace, uid, resourceVersion },
      spec: { template: { metadata: { annotations } } },
    },
    contentType: "application/apply-patch+yaml",
  });
}

function restarted(live: Restarted, kind: string): RestartOutcome {
  const { uid, generation = 0 } = live.metadata;
  return { kind: "restarted", uid, generation, images: imagesOf(live, kind) };
}
