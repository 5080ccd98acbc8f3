import { SlipwayError } from "./errors.ts";
import { parseImageRef, type ImageRef } from "./image-ref.ts";
import { containerKey } from "./plan-choice.ts";
import { formatWorkloadId, type WorkloadId } from "./workload.ts";

/** An image for one container, chosen where a person saw what it ran. */
export interface ChosenContainer {
  readonly workload: string;
  readonly container: string;
  readonly image: string;
  /** The image that git must still declare; absent where it does not matter. */
  readonly from?: string;
  /** Those of one group go together or not at all; automation alone names any. */
  readonly group?: string;
}

/** A release narrowed to containers; `images.exact` then names every image of them. */
export interface ChosenContainers {
  readonly containers: readonly ChosenContainer[];
  /** What was changed since is left alone; else it fails the release (IMAGE_CHANGED_SINCE). */
  readonly skipChanged: boolean;
}

interface Case {
  readonly workload: { readonly id: WorkloadId };
  readonly container: { readonly name: string; readonly image: string };
}

interface Narrowed {
  readonly exact: readonly ImageRef[];
  readonly changedFrom: string | undefined;
}

/** The chosen ones of all containers, each with its own image. Throws IMAGE_CHANGED_SINCE, and NOT_FOUND for a container that is not declared. */
export function narrowed<C extends Case>(
  cases: readonly C[],
  only: ChosenContainers,
): readonly (C & Narrowed)[] {
  const found = new Map(cases.map((one) => [keyOf(one), one]));
  return only.containers.map((choice) => {
    const one = found.get(containerKey(choice));
    if (one === undefined) {
      throw new SlipwayError("NOT_FOUND", {
        detail: `git declares no container "${choice.container}" in ${choice.workload}`,
      });
    }
    const changedFrom = choice.from === one.container.image ? undefined : choice.from;
    if (changedFrom !== undefined && !only.skipChanged) throw changedSince(choice, one.container.image);
    return { ...one, exact: [parseImageRef(choice.image)], changedFrom };
  });
}

function keyOf({ workload, container }: Case): string {
  return containerKey({ workload: formatWorkloadId(workload.id), container: container.name });
}

function changedSince({ workload, container, from = "" }: ChosenContainer, now: string): SlipwayError {
  return new SlipwayError("IMAGE_CHANGED_SINCE", {
    detail: `${workload} ${container} is declared as ${now}, not as ${from}`,
    hint: "look at what is there now, and choose again",
  });
}
