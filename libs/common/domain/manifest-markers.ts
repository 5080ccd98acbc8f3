import { isMap, isScalar, isSeq, type Scalar, type YAMLMap } from "yaml";
import { tryParseImageRef } from "./image-ref.ts";
import type { ValuesImage } from "./manifest-helm.ts";
import { fromParts, type FoundImage } from "./manifest-parts.ts";
import { entriesOf, itemsOf, placeAt, slotOf, type Place, type Slot, type Tree } from "./manifest-tree.ts";

const sign = '"$imagepolicy"';

/** Whether a document can hold a Flux v2 marker at all. */
export function mentionsMarker(source: string): boolean {
  return source.includes(sign);
}

/**
 * The images that Flux v2's markers point at below a place: `# {"$imagepolicy": "ns:policy"}` behind a
 * whole image, or `…:tag`, `…:name` behind its parts. The policy names the container.
 */
export function markedImages(
  tree: Tree,
  source: string,
  o: { readonly root: Place; readonly taken: ReadonlySet<Scalar>; readonly names: ReadonlySet<string> },
): readonly ValuesImage[] {
  const found: ValuesImage[] = [];
  const names = new Set(o.names);
  for (const mark of marksIn(tree, source, o.root)) {
    if (o.taken.has(mark.slot.scalar) || names.has(mark.policy)) continue;
    const image = imageOf(tree, source, mark);
    if (image === undefined) continue;
    names.add(mark.policy);
    found.push({ container: mark.policy, ...image });
  }
  return found;
}

interface Mark {
  readonly slot: Slot;
  /** Without its namespace. */
  readonly policy: string;
  readonly part: string | undefined;
  /** The map the value stands in. */
  readonly around: Place | undefined;
}

const deepest = 64;

function marksIn(tree: Tree, source: string, root: Place): readonly Mark[] {
  const marks: Mark[] = [];
  const visit = (place: Place, around: Place | undefined, depth: number): void => {
    if (depth > deepest) return;
    const slot = slotOf(place);
    if (slot !== undefined && isScalar(place.node)) {
      const mark = markBehind(source, place.node);
      if (mark !== undefined) marks.push({ slot, around, ...mark });
    }
    if (isMap(place.node)) for (const entry of entriesOf(tree, place)) visit(entry.place, place, depth + 1);
    if (isSeq(place.node)) for (const item of itemsOf(tree, place)) visit(item, undefined, depth + 1);
  };
  visit(root, undefined, 0);
  return marks;
}

function markBehind(source: string, scalar: Scalar): Pick<Mark, "policy" | "part"> | undefined {
  const end = scalar.range?.[1] ?? 0;
  const line = source.slice(end, source.indexOf("\n", end) === -1 ? undefined : source.indexOf("\n", end));
  const found = /^\s*#\s*\{\s*"\$imagepolicy"\s*:\s*"([^":]+):([^":]+)(?::(tag|name|digest))?"\s*\}/.exec(
    line,
  );
  return found === null ? undefined : { policy: found[2] ?? "", part: found[3] };
}

function imageOf(tree: Tree, source: string, mark: Mark): FoundImage | undefined {
  if (mark.part === undefined) {
    return tryParseImageRef(mark.slot.text) === undefined ? undefined : { slot: mark.slot };
  }
  if (mark.part !== "tag" || mark.around === undefined) return undefined;
  const { around } = mark;
  const sibling = (key: string) => slotOf(placeAt(tree, around, [key]));
  const repository =
    markedName(tree, source, { around, policy: mark.policy }) ?? sibling("repository") ?? sibling("image");
  if (repository === undefined) return undefined;
  return fromParts({ repository, registry: sibling("registry"), tag: mark.slot });
}

function markedName(
  tree: Tree,
  source: string,
  o: { readonly around: Place; readonly policy: string },
): Slot | undefined {
  if (!isMap(o.around.node as YAMLMap)) return undefined;
  for (const { place } of entriesOf(tree, o.around)) {
    const mark = isScalar(place.node) ? markBehind(source, place.node) : undefined;
    if (mark?.part === "name" && mark.policy === o.policy) return slotOf(place);
  }
  return undefined;
}
