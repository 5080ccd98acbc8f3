import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import type { Environment } from "#common/contracts/http.ts";

import type { ApiClient } from "../../cli/api-client.ts";

export interface EnvironmentsStore {
  readonly all: ReadonlySignal<readonly Environment[] | undefined>;
  readonly chosen: ReadonlySignal<Environment | undefined>;
  /** When `all` was read, by the browser's own counter: ages go on from there. */
  readonly readAtMs: ReadonlySignal<number>;
  choose(name: string): void;
  load(): Promise<void>;
}

const storageKey = "slipway-environment";

export function createEnvironmentsStore(api: Pick<ApiClient, "environments">): EnvironmentsStore {
  const all = signal<readonly Environment[] | undefined>(undefined);
  const readAtMs = signal(performance.now());
  const name = signal(localStorage.getItem(storageKey) ?? "");
  const chosen = computed(() => all.value?.find((one) => one.name === name.value) ?? all.value?.[0]);
  return {
    all,
    chosen,
    readAtMs,
    choose: (wanted) => {
      name.value = wanted;
      localStorage.setItem(storageKey, wanted);
    },
    load: async () => {
      const { environments } = await api.environments();
      readAtMs.value = performance.now();
      all.value = environments;
    },
  };
}
