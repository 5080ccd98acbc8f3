import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import type { Workload, WorkloadPage } from "#common/contracts/http.ts";

import type { ApiClient } from "../../cli/api-client.ts";

export type Loaded<T> =
  | { readonly kind: "loading" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "ready"; readonly value: T };

export interface WorkloadsStore {
  readonly list: ReadonlySignal<Loaded<readonly Workload[]>>;
  readonly age: ReadonlySignal<WorkloadPage["age"] | undefined>;
  readonly readAtMs: ReadonlySignal<number>;
  /** Reads all of an environment; what was shown of the same one stays until then. */
  load(environment: string): Promise<void>;
}

export function createWorkloadsStore(api: Pick<ApiClient, "workloads">): WorkloadsStore {
  const list = signal<Loaded<readonly Workload[]>>({ kind: "loading" });
  const age = signal<WorkloadPage["age"] | undefined>(undefined);
  const readAtMs = signal(performance.now());
  let shown = "";
  let asked = 0;
  const read = async (environment: string): Promise<void> => {
    const own = (asked += 1);
    try {
      const page = await api.workloads({ environment });
      // A later question was asked meanwhile: its answer counts.
      if (own !== asked) return;
      readAtMs.value = performance.now();
      age.value = page.age;
      list.value = { kind: "ready", value: page.workloads };
    } catch (error) {
      // What is there is better than nothing: the age tells how old it is.
      if (own === asked && list.value.kind !== "ready") list.value = { kind: "failed", error };
    }
  };
  return {
    list,
    age,
    readAtMs,
    load: async (environment) => {
      if (environment !== shown || list.value.kind === "failed") list.value = { kind: "loading" };
      shown = environment;
      await read(environment);
    },
  };
}
