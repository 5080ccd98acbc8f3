import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import type { Workload } from "#common/contracts/http.ts";

import { filters, narrow } from "../core/filters.ts";
import type { Narrowing } from "../core/filters.ts";
import { mayDo } from "../core/rights.ts";
import { releasePath, workloadPath } from "../core/route.ts";
import { stopsOf, workloadLines } from "../core/workload-lines.ts";
import type { Line } from "../core/workload-lines.ts";
import { useApp } from "../state/app.ts";
import { useKeys } from "./use-keys.ts";

/** What the list shows, where its cursor stands, and what is chosen. */
export interface Listing {
  readonly by: Narrowing;
  readonly shown: readonly Workload[];
  readonly lines: readonly Line[];
  /** The line under the cursor. */
  readonly selected: number | undefined;
  readonly picked: readonly Workload[];
  readonly isPicked: (id: string) => boolean;
  readonly toggle: (one: Workload) => void;
  readonly clear: () => void;
}

export const searchId = "search-workloads";

/** The list as the address narrows it, with its keys. */
export function useListing(all: readonly Workload[]): Listing {
  const { router } = useApp();
  const query = router.query.value.toString();
  const by = useMemo(() => narrowingOf(new URLSearchParams(query)), [query]);
  const shown = useMemo(() => narrow(all, by), [all, by]);
  const lines = useMemo(() => workloadLines(shown), [shown]);
  const stops = useMemo(() => stopsOf(lines), [lines]);
  const at = useSignal(-1);
  const ids = useSignal<ReadonlySet<string>>(new Set());
  const picked = useMemo(() => all.filter(({ id }) => ids.value.has(id)), [all, ids.value]);
  const toggle = (one: Workload): void => {
    const next = new Set(ids.value);
    if (!next.delete(one.id)) next.add(one.id);
    ids.value = next;
  };
  const clear = (): void => void (ids.value = new Set());
  const selected = stops[at.value];
  const line = lines[selected ?? -1];
  useListKeys({
    current: line?.kind === "row" ? line.workload : undefined,
    picked,
    toggle,
    move: (by) => void (at.value = Math.max(0, Math.min(stops.length - 1, at.value + by))),
    leave: () => {
      clear();
      at.value = -1;
    },
  });
  return { by, shown, lines, selected, picked, isPicked: (id) => ids.value.has(id), toggle, clear };
}

function narrowingOf(query: URLSearchParams): Narrowing {
  const wanted = (query.get("filter") ?? "").split(",");
  return {
    text: query.get("q") ?? "",
    namespace: query.get("namespace") ?? "",
    filters: filters.filter((name) => wanted.includes(name)),
  };
}

interface ListActs {
  readonly current: Workload | undefined;
  readonly picked: readonly Workload[];
  readonly toggle: (one: Workload) => void;
  readonly move: (by: number) => void;
  readonly leave: () => void;
}

function useListKeys({ current, picked, toggle, move, leave }: ListActs): void {
  const { router, session } = useApp();
  const mayRelease = mayDo(session.last.value, "createRelease");
  useKeys({
    "/": () => document.getElementById(searchId)?.focus(),
    j: () => move(1),
    k: () => move(-1),
    Escape: leave,
    Enter: () => {
      const focused = document.activeElement;
      if (focused instanceof HTMLElement && focused.matches("a, button")) focused.click();
      else if (current !== undefined) router.go(workloadPath(current));
    },
    x: () => {
      if (current !== undefined && mayRelease) toggle(current);
    },
    r: () => {
      if (!mayRelease) return;
      if (picked.length > 0) router.go(releasePath(picked[0]?.environment ?? "", picked));
      else if (current !== undefined) router.go(`${workloadPath(current)}?release=latest`);
    },
  });
}
