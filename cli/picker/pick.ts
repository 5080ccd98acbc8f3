import type { Io } from "../io.ts";
import { createPaint } from "../print/paint.ts";

import { pickLines } from "./screen.ts";
import { beginPick, press } from "./state.ts";
import type { PickGroup } from "./state.ts";

/** What one container is to run. */
export interface Picked {
  readonly workload: string;
  readonly container: string;
  /** In full. */
  readonly image: string;
}

/** Lets a person choose images at the terminal; undefined when they leave. The screen is as it was afterwards. */
export async function pick(
  io: Pick<Io, "keys" | "errRaw" | "size" | "errColour">,
  groups: readonly PickGroup[],
): Promise<readonly Picked[] | undefined> {
  let state = beginPick(groups);
  let drawn = 0;
  const paint = createPaint(io.errColour);
  const erase = () => (drawn === 0 ? "" : `\u001b[${drawn}A\u001b[0J`);
  const draw = () => {
    const lines = pickLines(state, { ...io.size(), paint });
    io.errRaw(`${erase()}${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  draw();
  await io.keys((key) => {
    state = press(state, key);
    if (state.ended === undefined) draw();
    return state.ended !== undefined;
  });
  io.errRaw(erase());
  if (state.ended !== "done") return undefined;
  return [...state.chosen].map(([{ workload, container, repository }, tag]) => ({
    workload,
    container,
    image: `${repository}:${tag}`,
  }));
}
