import { useMemo } from "preact/hooks";

import type { Workload } from "#common/contracts/http.ts";

import { countFilters, filters } from "../core/filters.ts";
import type { Filter } from "../core/filters.ts";
import { countText } from "../core/format.ts";
import { useApp } from "../state/app.ts";
import { Icon } from "./icon.tsx";
import { searchId } from "./use-listing.ts";
import type { Listing } from "./use-listing.ts";

interface ToolsProps {
  readonly all: readonly Workload[];
  readonly listing: Listing;
}

/** Search, namespace, and the filters that would find something. */
export function WorkloadTools({ all, listing: { by, shown } }: ToolsProps) {
  const { router } = useApp();
  const total = countText(all.length, "workload");
  return (
    <div class="tools">
      <label class="search">
        <Icon name="search" />
        <span class="hidden">Search workloads</span>
        <input
          id={searchId}
          type="search"
          placeholder="Search"
          value={by.text}
          onInput={(event) => router.setQuery({ q: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <NamespaceChoice all={all} chosen={by.namespace} />
      <FilterChips all={all} chosen={by.filters} />
      <span class="muted tools-count" role="status">
        {shown.length === all.length ? total : `${shown.length.toLocaleString("en")} of ${total}`}
      </span>
    </div>
  );
}

function NamespaceChoice({ all, chosen }: { readonly all: readonly Workload[]; readonly chosen: string }) {
  const { router } = useApp();
  const names = useMemo(() => [...new Set(all.map(({ namespace }) => namespace))].sort(), [all]);
  if (names.length < 2) return null;
  return (
    <select
      aria-label="Namespace"
      value={chosen}
      onChange={(event) => router.setQuery({ namespace: event.currentTarget.value })}
    >
      <option value="">All namespaces</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function FilterChips({
  all,
  chosen,
}: {
  readonly all: readonly Workload[];
  readonly chosen: readonly Filter[];
}) {
  const { router } = useApp();
  const counts = useMemo(() => countFilters(all), [all]);
  const toggle = (name: Filter): void => {
    const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name];
    router.setQuery({ filter: next.join(",") });
  };
  const shown = filters.filter((name) => counts[name] > 0 || chosen.includes(name));
  return (
    <div class="filters" role="group" aria-label="Filters">
      {shown.map((name) => (
        <button
          key={name}
          type="button"
          class={name === "failing" ? "chip bad" : "chip"}
          aria-pressed={chosen.includes(name)}
          onClick={() => toggle(name)}
        >
          {name} <span class="chip-count">{counts[name]}</span>
        </button>
      ))}
    </div>
  );
}
