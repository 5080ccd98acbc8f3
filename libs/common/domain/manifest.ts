import type { Policies } from "./policy.ts";
import type { WorkloadId } from "./workload.ts";

/** One image slot as committed. */
export interface DeclaredContainer {
  readonly name: string;
  /** As text. */
  readonly image: string;
  readonly init: boolean;
  readonly editable: boolean;
  /** Why it cannot be edited. */
  readonly reason?: string;
  /** Line of the image, from 1. */
  readonly line: number;
}

/** One workload as committed. */
export interface DeclaredWorkload {
  readonly id: WorkloadId;
  readonly apiVersion: string;
  /** As spelled: "Deployment". */
  readonly kind: string;
  /** From 1. */
  readonly document: number;
  /** From 1. */
  readonly line: number;
  readonly containers: readonly DeclaredContainer[];
  readonly policies: Policies;
  /** False when the namespace came from the default. */
  readonly namespaceDeclared: boolean;
}

/** Something in a file that cannot be read. */
export interface ManifestFault {
  readonly line?: number;
  readonly document?: number;
  readonly message: string;
}

/** What one file declares. */
export interface ManifestFile {
  readonly workloads: readonly DeclaredWorkload[];
  readonly faults: readonly ManifestFault[];
}

/** One changed scalar with its source bytes, quotes included: enough to write it back. */
export interface SourceChange {
  /** `namespace:kind/name` */
  readonly workload: string;
  /** For a label: the container whose tag it repeats. */
  readonly container: string;
  /** "image", or the JSON pointer of a label inside the object. */
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

/** One image to write. */
export interface ImageEdit {
  readonly workload: WorkloadId;
  readonly container: string;
  /** The new full text. */
  readonly image: string;
}
