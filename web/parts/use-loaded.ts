import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { useApp } from "../state/app.ts";
import type { Topic } from "../state/live.ts";
import type { Loaded } from "../state/workloads.ts";

/**
 * What a page reads, read again whenever a topic changes. What is there stays while it is read anew, and
 * when that fails.
 */
export function useLoaded<T>(
  read: () => Promise<T>,
  { on, key }: { readonly on: readonly Topic[]; readonly key: string },
): { readonly state: Loaded<T>; readonly reload: () => void } {
  const { live, session } = useApp();
  const state = useSignal<Loaded<T>>({ kind: "loading" });
  const asked = useRef(0);
  const load = async (): Promise<void> => {
    const own = (asked.current += 1);
    try {
      const value = await read();
      if (own === asked.current) state.value = { kind: "ready", value };
    } catch (error) {
      if (own === asked.current && state.value.kind !== "ready") state.value = { kind: "failed", error };
    }
  };
  const reload = (): void => void load();
  useEffect(() => {
    state.value = { kind: "loading" };
    reload();
    const offs = on.map((topic) => live.on(topic, reload));
    return () => {
      asked.current += 1;
      offs.forEach((off) => off());
    };
  }, [key]);
  // What was refused because the session had ended is asked again by whoever came back.
  const isIn = session.state.value.kind === "in";
  useEffect(() => {
    if (isIn && state.value.kind === "failed") reload();
  }, [isIn]);
  return { state: state.value, reload };
}
