import type { FoundWorkload } from "./manifest-find.ts";
import {
  entriesOf,
  itemsOf,
  placeAt,
  slotOf,
  type Place,
  type PlaceRefusal,
  type Slot,
} from "./manifest-tree.ts";
import { isLabelValue } from "./workload.ts";

/** A container whose tag moves. */
export interface TagMove {
  readonly container: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export type LabelLeftReason =
  | "label-in-selector"
  | "invalid-label"
  | "ambiguous-tag"
  | "no-new-tag"
  | PlaceRefusal;

/** A version label that repeats an old tag: it follows the image, or is left for a reason. */
export interface LabelPlan {
  readonly slot: Slot;
  /** The container whose tag it repeats. */
  readonly container: string;
  /** JSON pointer inside the object. */
  readonly pointer: string;
  readonly decision: { readonly follow: string } | { readonly leave: LabelLeftReason };
}

/** What becomes of each version label of the workload that repeats a tag about to move. */
export function planLabels(
  workload: FoundWorkload,
  moves: readonly TagMove[],
  tagsBefore: readonly (string | undefined)[],
): readonly LabelPlan[] {
  return workload.shape.labels.flatMap((path) =>
    versionKeys.flatMap((key) => {
      const place = placeAt(workload.tree, workload.root, [...path, key]);
      const slot = slotOf(place);
      const first = moves.find((move) => move.from !== undefined && move.from === labelText(slot));
      if (slot === undefined || first?.from === undefined || first.from === first.to) return [];
      const decision = decide({ workload, key, slot, moves, tagsBefore, from: first.from });
      return [{ slot, container: first.container, pointer: pointerOf([...path, key]), decision }];
    }),
  );
}

/** The version labels people write; the first is the one of 2016. */
const versionKeys = ["version", "app.kubernetes.io/version"] as const;

/** `version: 1.10` is a number to a reader and still repeats the tag to a person: compare the source. */
function labelText(slot: Slot | undefined): string | undefined {
  return slot?.isText === false ? slot.scalar.source : slot?.text;
}

interface LabelCase {
  readonly workload: FoundWorkload;
  readonly key: string;
  readonly slot: Slot;
  readonly moves: readonly TagMove[];
  readonly tagsBefore: readonly (string | undefined)[];
  readonly from: string;
}

function decide(label: LabelCase): LabelPlan["decision"] {
  const moving = label.moves.filter((move) => move.from === label.from);
  const holding = label.tagsBefore.filter((tag) => tag === label.from).length;
  const [to, ...others] = new Set(moving.map((move) => move.to));
  if (isSelected(label.workload, label.key)) return { leave: "label-in-selector" };
  if (holding > moving.length || others.length > 0) return { leave: "ambiguous-tag" };
  if (to === undefined) return { leave: "no-new-tag" };
  if (!isLabelValue(to)) return { leave: "invalid-label" };
  return label.slot.refusal === undefined ? { follow: to } : { leave: label.slot.refusal };
}

/** A selector cannot change and must go on matching the pods. */
function isSelected(workload: FoundWorkload, key: string): boolean {
  const { tree, root, shape } = workload;
  const selector = shape.selector === undefined ? undefined : placeAt(tree, root, shape.selector);
  if (selector === undefined) return false;
  if (shape.kind === "replicationcontroller") {
    return entriesOf(tree, selector).some((entry) => entry.key === key);
  }
  if (placeAt(tree, selector, ["matchLabels", key]) !== undefined) return true;
  const expressions = placeAt(tree, selector, ["matchExpressions"]);
  return expressionKeys(workload, expressions).includes(key);
}

function expressionKeys({ tree }: FoundWorkload, expressions: Place | undefined): readonly string[] {
  return itemsOf(tree, expressions).flatMap((item) => slotOf(placeAt(tree, item, ["key"]))?.text ?? []);
}

function pointerOf(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
