import { shortName, type PlannedSkip } from "./plan.ts";
import { unreachable } from "./unreachable.ts";

/** The seed's line for a container that is left alone. */
export function skipLine(skipped: PlannedSkip): string {
  const name = shortName(skipped.workload);
  const detail = skipped.detail === undefined ? "" : ` (${skipped.detail})`;
  switch (skipped.reason) {
    case "up-to-date":
      return `Service ${name} image ${skipped.from} is already the latest one; skipping.`;
    case "not-declared":
      return `no resource definition file found for ${name}; skipping`;
    case "manifest-broken":
      return `Service ${name}: its manifest does not parse${detail}; skipping.`;
    case "not-in-cluster":
      return `Service ${name} is declared but does not run in the cluster; skipping.`;
    case "declared-twice":
      return `multiple resource definition files found for ${name}: ${skipped.detail ?? ""}`;
    case "two-environments":
      return `Service ${name} is declared by two environments on one cluster${detail}; skipping.`;
    case "locked":
      return `Service ${name} is locked${detail}; skipping.`;
    case "ignored":
      return `Service ${name} is ignored by policy; skipping.`;
    case "held":
      return `Service ${name} is held${detail}; skipping.`;
    case "not-automated":
      return `Service ${name} is not automated any more; skipping.`;
    case "group-waits":
      return `Service ${name} waits for its group${detail}; skipping.`;
    case "refused":
      return `Service ${name} is refused by the cluster${detail}; skipping.`;
    case "excluded":
      return `Service ${name} is excluded; skipping.`;
    case "different-image":
      return `Service ${name} container ${skipped.container} uses a different image; skipping.`;
    case "no-previous-image":
    case "no-running-image":
    case "no-policy":
    case "no-image-data":
    case "no-eligible-image":
    case "no-runnable-image":
      return `Service ${name} image ${skipped.from}: ${reasonWords[skipped.reason]}${detail}; skipping.`;
    case "not-an-image":
      return `Service ${name} container ${skipped.container} has no readable image${detail}; skipping.`;
    case "not-editable":
      return `Service ${name} container ${skipped.container} cannot be edited safely${detail}; skipping.`;
    case "immutable-kind":
      return `Service ${name} cannot be changed in place${detail}; skipping.`;
    case "not-chosen":
      return `Service ${name} container ${skipped.container} was not there, or left alone, when this release was first planned${detail}; skipping.`;
    case "changed-since":
      return `Service ${name} container ${skipped.container} was changed since${detail}; skipping.`;
    default:
      return unreachable(skipped.reason);
  }
}

const reasonWords = {
  "no-policy": "there is no policy to choose a tag by",
  "no-image-data": "its registry has not been read yet",
  "no-eligible-image": "no tag is eligible",
  "no-runnable-image": "no node of the cluster can run an eligible tag",
  "no-previous-image": "no release of it is on record",
  "no-running-image": "the cluster shows no such container",
} as const;
