import { SlipwayError } from "#common/domain/errors.ts";
import { changedImage } from "#common/domain/manifest.ts";
import type { RecordedChange } from "#common/store/schema.ts";
import { fieldManager, type LiveObject, type ManagedFields } from "./live-object.ts";

/** What an API server's refusal means, in our words. */

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface FieldConflict {
  readonly manager: string;
  readonly field: string;
}

interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly causes?: readonly {
      readonly reason?: string;
      readonly message?: string;
      readonly field?: string;
    }[];
  };
}

/** Managers whose fields a release takes over: tools by hand, and appliers that have ended. */
const takenManagers = [
  /^kubectl/,
  /^helm/i,
  /^fluxd?$/,
  /^weave-flux$/,
  /^before-first-apply$/,
  /^flux-helm-operator$/,
  // Ours, for restarts: where git itself has the annotation, git's value counts.
  /^slipway-restart$/,
];

export function conflictsOf(answer: Answer): readonly FieldConflict[] {
  if (answer.status !== 409) return [];
  const causes = (answer.body as StatusBody | null)?.details?.causes ?? [];
  return causes
    .filter((cause) => cause.reason === "FieldManagerConflict")
    .map((cause) => ({
      manager: /conflict with "([^"]+)"/.exec(cause.message ?? "")?.[1] ?? "another manager",
      field: cause.field ?? "",
    }));
}

export function mayTakeFrom(conflict: FieldConflict): boolean {
  return takenManagers.some((pattern) => pattern.test(conflict.manager));
}

/** What a job changed of one workload, as far as a conflict can be about it. */
export type ChangedField = Pick<RecordedChange, "workload" | "container" | "field" | "from" | "to" | "image">;

/** CORRECTNESS 19: whoever owns it, the very field that a release was asked to change is taken. */
export function isAboutChange({ field }: FieldConflict, changes: readonly ChangedField[]): boolean {
  return changes.some((change) =>
    changedImage(change) === undefined
      ? field === fieldPathOf(change.field)
      : field.endsWith(`ontainers[name="${change.container}"].image`),
  );
}

/** `/metadata/labels/app.kubernetes.io~1version` as the API server names it in a conflict. */
function fieldPathOf(pointer: string): string {
  return pointer
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

/** A person decides about fields of managers that are alive: each is named with its field. */
export function foreignConflict(path: string, conflicts: readonly FieldConflict[]): SlipwayError {
  const named = conflicts.map((conflict) => `${conflict.manager} owns ${conflict.field}`).join("; ");
  return new SlipwayError("APPLY_CONFLICT", {
    detail: `${path}: ${named}`,
    hint: 'set the environment\'s "conflicts: force" to take such fields over',
  });
}

export function messageOf(answer: Answer): string {
  if (typeof answer.body === "string") return answer.body.slice(0, 500);
  const message = (answer.body as StatusBody | null)?.message;
  return typeof message === "string" ? message.slice(0, 1000) : `HTTP ${answer.status}`;
}

/** An HTTP refusal as an error with a code: what a person must mend, or that trying again may help. */
export function refusalOf(answer: Answer, path: string): SlipwayError {
  const detail = `${path}: ${messageOf(answer)}`;
  // Unknown field, wrong type, duplicate key: a 500 without reason that no retry cures (KUBERNETES §2).
  const badDocument = /failed to create typed patch object|field not declared in schema/.test(detail);
  if (badDocument || [400, 404, 405, 415, 422].includes(answer.status)) {
    return new SlipwayError("APPLY_REFUSED", { detail });
  }
  if (answer.status === 403) {
    const admission = isAdmission(messageOf(answer));
    return new SlipwayError(admission ? "APPLY_REFUSED" : "APPLY_FORBIDDEN", { detail });
  }
  if (answer.status === 409) return new SlipwayError("APPLY_CONFLICT", { detail });
  if (answer.status === 401) {
    const hint = "the environment's kubeconfig or service account token is not accepted";
    return new SlipwayError("APPLY_FORBIDDEN", { detail, hint });
  }
  return new SlipwayError("CLUSTER_UNAVAILABLE", { detail });
}

/** Admission and missing rights both answer 403; only the latter says who "cannot" do it. */
function isAdmission(message: string): boolean {
  if (/\bUser "[^"]*" cannot /.test(message)) return false;
  return /admission|denied the request|violates|exceeded quota/i.test(message);
}

/**
 * JSON patch that makes the `Update` entries of known tools ours, tested against the
 * resourceVersion; undefined when there is nothing to take over. Without it a field that kubectl
 * applied and git no longer has would stay for ever.
 */
export function takeoverPatch(live: LiveObject): readonly object[] | undefined {
  const entries = live.metadata.managedFields ?? [];
  const ours = entries.some((entry) => entry.manager === fieldManager && entry.operation === "Apply");
  const taken = entries.filter(isTaken);
  if (ours || taken.length === 0) return undefined;
  const parted = taken.map((entry) => partRestart(entry.fieldsV1, restartPath));
  // When pods were last made anew is nobody's to take back: the next apply would do it once more.
  const restarts = taken.flatMap((entry, index) => {
    const restart = parted[index]?.restart;
    return restart === undefined ? [] : [{ ...entry, fieldsV1: restart }];
  });
  const kept = [...entries.filter((entry) => !taken.includes(entry)), ...restarts];
  const fieldsV1 = parted.map(({ rest }): unknown => rest ?? {}).reduce(unionOfFields);
  const mine: ManagedFields = { ...taken[0], manager: fieldManager, operation: "Apply", fieldsV1 };
  const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
  const hasLastApplied = live.metadata.annotations?.[lastApplied] !== undefined;
  return [
    { op: "test", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value: [...kept, mine] },
    ...(hasLastApplied
      ? [{ op: "remove", path: `/metadata/annotations/${lastApplied.replace("/", "~1")}` }]
      : []),
  ];
}

function isTaken(entry: ManagedFields): boolean {
  const subresource = entry.subresource !== undefined && entry.subresource !== "";
  if (subresource || entry.operation !== "Update") return false;
  return takenManagers.some((pattern) => pattern.test(entry.manager ?? ""));
}

const restartPath = [
  "f:spec",
  "f:template",
  "f:metadata",
  "f:annotations",
  "f:kubectl.kubernetes.io/restartedAt",
];

interface Parted {
  readonly rest: unknown;
  /** The annotation of a restart alone. */
  readonly restart: unknown;
}

/** A field set in two; what is left empty is no field. */
function partRestart(fields: unknown, [key, ...path]: readonly string[]): Parted {
  if (key === undefined) return { rest: undefined, restart: fields };
  if (typeof fields !== "object" || fields === null) return { rest: fields, restart: undefined };
  const { [key]: inner, ...others } = fields as Record<string, unknown>;
  if (inner === undefined) return { rest: fields, restart: undefined };
  const { rest, restart } = partRestart(inner, path);
  const left = rest === undefined ? others : { ...others, [key]: rest };
  return {
    rest: Object.keys(left).length === 0 ? undefined : left,
    restart: restart === undefined ? undefined : { [key]: restart },
  };
}

/** Field sets are nested objects with empty leaves: their union is a deep merge. */
function unionOfFields(a: unknown, b: unknown): unknown {
  if (typeof a !== "object" || a === null) return b;
  if (typeof b !== "object" || b === null) return a;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries([...keys].map((key) => [key, unionOfFields(left[key], right[key])]));
}
