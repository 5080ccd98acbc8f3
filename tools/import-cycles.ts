/** An edge between two files of ours. */
interface Edge {
  readonly from: string;
  readonly file: string | undefined;
}

export interface Cycle {
  readonly path: string;
  /** The way round, ending where it began. */
  readonly cycle: readonly string[];
}

/**
 * One cycle per knot of files that reach each other. Imports of types count too: they vanish at run
 * time, but two files that need each other's words are one file in two places.
 */
export function findCycles(edges: readonly Edge[]): readonly Cycle[] {
  const graph = new Map<string, string[]>();
  for (const { from, file } of edges) {
    if (file !== undefined) graph.set(from, [...(graph.get(from) ?? []), file]);
  }
  const known = new Set<string>();
  const cycles: Cycle[] = [];
  for (const path of [...graph.keys()].sort()) {
    if (known.has(path)) continue;
    const cycle = wayBack(graph, path);
    if (cycle === undefined) continue;
    for (const member of cycle) known.add(member);
    cycles.push({ path, cycle });
  }
  return cycles;
}

/** The shortest way from a file back to itself, breadth first. */
function wayBack(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) return [...trail(cameFrom, file), start];
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, file);
      queue.push(next);
    }
  }
  return undefined;
}

function trail(cameFrom: ReadonlyMap<string, string>, end: string): readonly string[] {
  const path = [end];
  for (let at = cameFrom.get(end); at !== undefined; at = cameFrom.get(at)) path.unshift(at);
  return path;
}
