/** One container and the images it could run. */
export interface PickGroup {
  /** "sock-shop/front-end", as a request names it. */
  readonly workload: string;
  readonly container: string;
  readonly repository: string;
  readonly images: readonly PickImage[];
}

export interface PickImage {
  readonly tag: string;
  readonly created: string;
  readonly running: boolean;
  /** Why --latest would not take it; null for what it could. */
  readonly ineligible: string | null;
}

/** What a key means here, whatever the terminal sends for it. */
export interface Key {
  /** "up", "space", "return", "escape", "backspace", …; "" where the key is its text. */
  readonly name: string;
  readonly text: string;
  readonly ctrl: boolean;
}

export interface PickState {
  readonly groups: readonly PickGroup[];
  /** Every word has to be in the workload, the container or the tag. */
  readonly filter: string;
  /** Among the images that the filter leaves. */
  readonly cursor: number;
  /** The chosen tag of each group that has one. */
  readonly chosen: ReadonlyMap<PickGroup, string>;
  readonly ended: "done" | "left" | undefined;
}

/** One image that can be pointed at. */
export interface PickRow {
  readonly group: PickGroup;
  readonly image: PickImage;
}

/** Nothing chosen, the first image under the cursor. */
export function beginPick(groups: readonly PickGroup[]): PickState {
  return { groups, filter: "", cursor: 0, chosen: new Map(), ended: undefined };
}

/** The images that the filter leaves, in order. */
export function rowsOf({ groups, filter }: PickState): readonly PickRow[] {
  const words = filter.toLowerCase().split(/\s+/);
  return groups.flatMap((group) =>
    group.images.flatMap((image) => {
      const text = `${group.workload} ${group.container} ${group.repository}:${image.tag}`.toLowerCase();
      return words.every((word) => text.includes(word)) ? [{ group, image }] : [];
    }),
  );
}

const page = 10;
const filterLimit = 100;

/** What a key makes of the state. */
export function press(state: PickState, key: Key): PickState {
  if (key.ctrl) return pressWithCtrl(state, key.name);
  switch (key.name) {
    case "up":
      return moved(state, -1);
    case "down":
      return moved(state, 1);
    case "pageup":
      return moved(state, -page);
    case "pagedown":
      return moved(state, page);
    case "home":
      return moved(state, -Infinity);
    case "end":
      return moved(state, Infinity);
    case "space":
      return toggled(state);
    case "return":
    case "enter":
      return finished(state);
    case "escape":
      return state.filter === "" ? { ...state, ended: "left" } : filtered(state, "");
    case "backspace":
      return filtered(state, Array.from(state.filter).slice(0, -1).join(""));
    default:
      return isTyped(key.text) ? filtered(state, `${state.filter}${key.text}`.slice(0, filterLimit)) : state;
  }
}

function pressWithCtrl(state: PickState, name: string): PickState {
  if (name === "c" || name === "d") return { ...state, ended: "left" };
  if (name === "u") return filtered(state, "");
  if (name === "p") return moved(state, -1);
  return name === "n" ? moved(state, 1) : state;
}

function isTyped(text: string): boolean {
  return /^[^\p{Cc}\p{Cs}]+$/u.test(text);
}

function moved(state: PickState, by: number): PickState {
  const last = Math.max(0, rowsOf(state).length - 1);
  return { ...state, cursor: Math.min(last, Math.max(0, state.cursor + by)) };
}

function filtered(state: PickState, filter: string): PickState {
  return { ...state, filter, cursor: 0 };
}

/** One image for a container. */
function toggled(state: PickState): PickState {
  const row = rowsOf(state)[state.cursor];
  if (row === undefined) return state;
  const { group, image } = row;
  const chosen = new Map(state.chosen);
  if (chosen.get(group) === image.tag) {
    chosen.delete(group);
    return { ...state, chosen };
  }
  return { ...state, chosen: chosen.set(group, image.tag) };
}

/** Enter takes what is under the cursor when nothing was chosen by then. */
function finished(state: PickState): PickState {
  const picked = state.chosen.size > 0 ? state : toggled(state);
  return picked.chosen.size > 0 ? { ...picked, ended: "done" } : state;
}
