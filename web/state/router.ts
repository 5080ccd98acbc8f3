import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import { parseRoute } from "../core/route.ts";
import type { Route } from "../core/route.ts";

export interface Router {
  readonly route: ReadonlySignal<Route>;
  readonly query: ReadonlySignal<URLSearchParams>;
  go(to: string): void;
  /** Changes the query without a new place in the history. */
  setQuery(changes: Readonly<Record<string, string | undefined>>): void;
}

/** Follows the address bar; links within the page need no handler of their own. */
export function createRouter(): Router {
  const place = signal({ path: location.pathname, search: location.search });
  const read = (): void => void (place.value = { path: location.pathname, search: location.search });
  const go = (to: string): void => {
    history.pushState(null, "", to);
    read();
    window.scrollTo(0, 0);
  };
  window.addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = ownLink(event);
    if (link === undefined) return;
    event.preventDefault();
    go(link);
  });
  return {
    route: computed(() => parseRoute(place.value.path, place.value.search)),
    query: computed(() => new URLSearchParams(place.value.search)),
    go,
    setQuery: (changes) => {
      const query = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === undefined || value === "") query.delete(name);
        else query.set(name, value);
      }
      const text = query.toString();
      history.replaceState(null, "", text === "" ? location.pathname : `?${text}`);
      read();
    },
  };
}

/** The address of a plain click on a link within the page; undefined for all that browsers do better. */
function ownLink(event: MouseEvent): string | undefined {
  if (event.defaultPrevented || event.button !== 0) return undefined;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return undefined;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.target !== "" || link.origin !== location.origin) return undefined;
  if (link.hasAttribute("download") || link.pathname.startsWith("/v1/")) return undefined;
  return `${link.pathname}${link.search}`;
}
