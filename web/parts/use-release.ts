import { useSignal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import type { Plan } from "#common/contracts/http.ts";
import type { Override } from "#common/contracts/overrides.ts";

import { planBody, releaseBody } from "../core/release.ts";
import type { Choice } from "../core/release.ts";
import { jobPath } from "../core/route.ts";
import { useApp } from "../state/app.ts";
import type { Loaded } from "../state/workloads.ts";

export interface ReleaseDraft {
  readonly plan: Signal<Loaded<Plan>>;
  readonly override: Signal<readonly Override[]>;
  /** Workloads that were left out after looking. */
  readonly excluded: Signal<ReadonlySet<string>>;
  readonly message: Signal<string>;
  readonly sending: Signal<boolean>;
  /** Why the last try was refused; the plan stays as it is. */
  readonly failure: Signal<unknown>;
  ask(): Promise<void>;
  confirm(): Promise<void>;
}

/** A release that is being decided on: planned anew when the choice changes, sent once. */
export function useRelease(environment: string, choice: Choice): ReleaseDraft {
  const { api, router } = useApp();
  const plan = useSignal<Loaded<Plan>>({ kind: "loading" });
  const override = useSignal<readonly Override[]>([]);
  const excluded = useSignal<ReadonlySet<string>>(new Set());
  const message = useSignal("");
  const sending = useSignal(false);
  const failure = useSignal<unknown>(undefined);
  // The same key for the same question, so that a repeated click or a lost answer makes one job.
  const key = useRef("");
  const latest = useRef("");
  const asked = JSON.stringify([environment, choice, override.value]);
  const ask = async (): Promise<void> => {
    latest.current = asked;
    plan.value = { kind: "loading" };
    failure.value = undefined;
    try {
      const value = await api.plan(planBody(choice, { environment, override: override.value }));
      if (latest.current === asked) plan.value = { kind: "ready", value };
    } catch (error) {
      if (latest.current === asked) plan.value = { kind: "failed", error };
    }
  };
  const confirm = async (): Promise<void> => {
    if (plan.value.kind !== "ready" || sending.value) return;
    sending.value = true;
    failure.value = undefined;
    const rest = { override: override.value, message: message.value, excluded: excluded.value };
    try {
      const job = await api.release(releaseBody(plan.value.value, { environment, ...rest }), key.current);
      router.go(jobPath(job.id));
    } catch (error) {
      failure.value = error;
    }
    sending.value = false;
  };
  useEffect(() => void ask(), [asked]);
  useEffect(() => void (key.current = crypto.randomUUID()), [plan.value, message.value, excluded.value]);
  return { plan, override, excluded, message, sending, failure, ask, confirm };
}
