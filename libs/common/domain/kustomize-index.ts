import { isKustomizationPath, type Kustomization } from "./kustomization.ts";
import type { ManifestFile } from "./manifest.ts";

/** Something that is wrong with a kustomization. */
export interface TreeFault {
  readonly path: string;
  readonly message: string;
}

/** What a kustomization refers to, as paths of files; a folder stands as its kustomization. */
export interface KustomizeLinks {
  readonly resources: readonly string[];
  readonly components: readonly string[];
}

/** Who refers to whom in a repository. */
export interface KustomizeIndex {
  readonly files: ReadonlyMap<string, ManifestFile>;
  readonly kustomizations: ReadonlyMap<string, Kustomization>;
  readonly links: ReadonlyMap<string, KustomizeLinks>;
  /** The kustomizations in scope that no other one in scope refers to. */
  readonly roots: readonly string[];
  /** Every file some kustomization in scope, or a base of it, refers to. */
  readonly used: ReadonlySet<string>;
  readonly faults: readonly TreeFault[];
  /** A file named in a kustomization; undefined when it is not there. */
  resolveFile(from: string, name: string): string | undefined;
  /** The outermost kustomizations of the whole repository that take a file in. */
  reaching(path: string): readonly string[];
}

/** Follows `resources`, `bases`, `components` and patches of every kustomization there is. */
export function indexKustomizations(input: {
  readonly files: ReadonlyMap<string, ManifestFile>;
  readonly inScope: (path: string) => boolean;
}): KustomizeIndex {
  const { files, inScope } = input;
  const kustomizations = new Map<string, Kustomization>();
  for (const [path, { kustomization }] of files) {
    if (kustomization !== undefined && isKustomizationPath(path)) kustomizations.set(path, kustomization);
  }
  const byFolder = new Map([...kustomizations.keys()].map((path) => [folderOf(path), path]));
  const faults: TreeFault[] = [];
  const links = new Map<string, KustomizeLinks>();
  const resolve = (from: string, name: string) => {
    const target = joinPath(folderOf(from), name);
    if (target === undefined) return undefined;
    return byFolder.get(target) ?? (files.has(target) ? target : undefined);
  };
  for (const [path, kustomization] of kustomizations) {
    const follow = (names: readonly string[]) =>
      names.flatMap((name) => {
        const target = resolve(path, name);
        if (target === undefined && inScope(path)) {
          const why = isRemote(name) ? "is not read from elsewhere" : "is not there";
          faults.push({ path, message: `${name} ${why}` });
        }
        return target === undefined || target === path ? [] : [target];
      });
    links.set(path, {
      resources: follow(kustomization.resources),
      components: follow(kustomization.components),
    });
  }
  const graph = breakCycles(links, faults);
  let reached: Map<string, string[]> | undefined;
  const patchFiles = (path: string) =>
    (kustomizations.get(path)?.patchFiles ?? []).flatMap((name) => resolve(path, name) ?? []);
  return {
    files,
    kustomizations,
    links: graph,
    roots: rootsOf(graph, kustomizations).filter(inScope),
    used: usedFrom([...kustomizations.keys()].filter(inScope), graph, patchFiles),
    faults,
    resolveFile: resolve,
    reaching: (path) => reach().get(path) ?? [],
  };

  /** File → the roots that take it in; made when it is first asked for, and once. */
  function reach(): ReadonlyMap<string, readonly string[]> {
    reached ??= new Map<string, string[]>();
    if (reached.size > 0) return reached;
    for (const root of rootsOf(graph, kustomizations)) {
      for (const path of usedFrom([root], graph, patchFiles)) {
        reached.set(path, [...(reached.get(path) ?? []), root]);
      }
    }
    return reached;
  }

  function rootsOf(
    graph: ReadonlyMap<string, KustomizeLinks>,
    all: ReadonlyMap<string, Kustomization>,
  ): readonly string[] {
    const referred = new Set([...graph].flatMap(([, to]) => [...to.resources, ...to.components]));
    return [...all].flatMap(([path, { kind }]) => (kind === "component" || referred.has(path) ? [] : [path]));
  }
}

/** The folder of a path; "." at the top. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "." : path.slice(0, slash);
}

function usedFrom(
  starts: readonly string[],
  graph: ReadonlyMap<string, KustomizeLinks>,
  patchFiles: (path: string) => readonly string[],
): ReadonlySet<string> {
  const used = new Set<string>();
  const open = [...starts];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const { resources = [], components = [] } = graph.get(path) ?? {};
    for (const target of [...resources, ...components, ...patchFiles(path)]) {
      if (used.has(target)) continue;
      used.add(target);
      open.push(target);
    }
  }
  return used;
}

/** Kustomizations that go round in a circle build nothing: the link that closes it is left out, and told. */
function breakCycles(
  links: ReadonlyMap<string, KustomizeLinks>,
  faults: TreeFault[],
): ReadonlyMap<string, KustomizeLinks> {
  const clean = new Map<string, KustomizeLinks>();
  const state = new Map<string, "open" | "done">();
  const visit = (path: string): void => {
    state.set(path, "open");
    const keep = (targets: readonly string[]) =>
      targets.filter((target) => {
        if (state.get(target) === "open") {
          faults.push({ path, message: `${target} leads back here` });
          return false;
        }
        if (links.has(target) && !state.has(target)) visit(target);
        return true;
      });
    const { resources, components } = links.get(path) ?? { resources: [], components: [] };
    clean.set(path, { resources: keep(resources), components: keep(components) });
    state.set(path, "done");
  };
  for (const path of links.keys()) if (!state.has(path)) visit(path);
  return clean;
}

function isRemote(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/|^git@|^[\w.-]+\.[a-z]+\/.*(?:\?ref=|\/\/)/i.test(name);
}

/** A path inside the repository; undefined for what leads out of it. */
function joinPath(folder: string, name: string): string | undefined {
  if (name.startsWith("/") || isRemote(name)) return undefined;
  const parts = folder === "." ? [] : folder.split("/");
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.length === 0 ? "." : parts.join("/");
}
