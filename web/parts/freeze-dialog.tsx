import { useSignal } from "@preact/signals";

import { countText } from "../core/format.ts";
import { useApp } from "../state/app.ts";
import { Dialog } from "./dialog.tsx";
import { ProblemNote } from "./problem.tsx";
import { TextField } from "./text-field.tsx";

/** Stops all releases of an environment, or of one namespace, until it is lifted or its time ends. */
export function FreezeDialog(props: { readonly environment: string; readonly onClose: () => void }) {
  const { api, environments, notice } = useApp();
  const reason = useSignal("");
  const namespace = useSignal("");
  const until = useSignal("");
  const failure = useSignal<unknown>(undefined);
  const freeze = async (): Promise<void> => {
    try {
      const set = await api.freeze(props.environment, {
        reason: reason.value.trim(),
        ...(namespace.value.trim() === "" ? {} : { namespace: namespace.value.trim() }),
        ...(until.value === "" ? {} : { until: new Date(until.value).toISOString() }),
      });
      const { length } = set.underWay;
      notice.value =
        length === 0 ? "Frozen." : `Frozen. ${countText(length, "job")} under way goes on to its end.`;
      await environments.load();
      props.onClose();
    } catch (error) {
      failure.value = error;
    }
  };
  return (
    <Dialog title={`Freeze ${props.environment}`} onClose={props.onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void freeze();
        }}
      >
        <TextField label="Why" value={reason} required autoFocus maxLength={500} />
        <TextField label="Namespace (empty: everything)" value={namespace} maxLength={63} />
        <TextField label="Until (empty: until it is lifted)" value={until} type="datetime-local" />
        {failure.value === undefined ? null : <ProblemNote error={failure.value} />}
        <div class="button-row">
          <button type="submit" class="primary" disabled={reason.value.trim() === ""}>
            Freeze
          </button>
          <button type="button" onClick={props.onClose}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
