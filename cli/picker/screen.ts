import type { Paint } from "../print/paint.ts";
import { safe } from "../print/safe.ts";
import { shortVersion } from "../print/change.ts";
import { cutTo, padTo } from "../print/table.ts";

import { rowsOf } from "./state.ts";
import type { PickRow, PickState } from "./state.ts";

export interface ScreenStyle {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

const tagWidth = 24;
/** Head, filter and foot, and the line that the cursor of the terminal stands on. */
const otherRows = 5;

/** The picker as it stands: never more lines than the terminal has, none wider than it. */
export function pickLines(state: PickState, style: ScreenStyle): readonly string[] {
  const { paint, columns } = style;
  const head = "↑↓ move   space choose   type to filter   enter go on   esc leave";
  const filter = state.filter === "" ? "" : `filter: ${safe(state.filter)}`;
  return [
    paint.dim(cutTo(head, columns - 1)),
    paint.warn(cutTo(filter, columns - 1)),
    ...bodyLines(state, style),
    paint.dim(cutTo(footOf(state), columns - 1)),
  ];
}

interface Line {
  readonly text: string;
  readonly isCursor: boolean;
}

function bodyLines(state: PickState, { columns, rows, paint }: ScreenStyle): readonly string[] {
  const all = rowsOf(state);
  if (all.length === 0) return ["  nothing fits the filter"];
  const lines = all.flatMap((row, at): readonly Line[] => {
    const isFirst = all[at - 1]?.group !== row.group;
    const { workload, container, repository } = row.group;
    const heading = { text: safe(`${workload}  ${container}  ${repository}`), isCursor: false };
    const line = { text: rowText(state, row), isCursor: at === state.cursor };
    return isFirst ? [heading, line] : [line];
  });
  const height = Math.max(3, rows - otherRows);
  const focus = lines.findIndex(({ isCursor }) => isCursor);
  const top = Math.max(0, Math.min(focus - Math.floor(height / 2), lines.length - height));
  return lines.slice(top, top + height).map(({ text, isCursor }) => {
    const cut = cutTo(`${isCursor ? "›" : " "} ${text}`, columns - 1);
    return isCursor ? paint.strong(cut) : cut;
  });
}

function rowText(state: PickState, { group, image }: PickRow): string {
  const isChosen = state.chosen.get(group) === image.tag;
  const tag = padTo(cutTo(shortVersion(image.tag), tagWidth), tagWidth);
  const note = image.running
    ? "runs now"
    : image.ineligible === null
      ? ""
      : `not eligible for latest: ${image.ineligible}`;
  return safe(`  ${isChosen ? "[x]" : "[ ]"} ${tag}  ${padTo(image.created, 20)}  ${note}`).trimEnd();
}

function footOf({ chosen }: PickState): string {
  if (chosen.size === 0) return "nothing chosen: enter takes the image under the cursor";
  const parts = [...chosen].map(
    ([group, tag]) => `${group.workload} ${group.container} ${shortVersion(tag)}`,
  );
  return safe(`${chosen.size} chosen: ${parts.join(", ")}`);
}
