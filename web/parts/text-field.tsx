import type { Signal } from "@preact/signals";

interface TextFieldProps {
  readonly label: string;
  readonly value: Signal<string>;
  readonly type?: "text" | "datetime-local";
  readonly required?: boolean;
  readonly autoFocus?: boolean;
  readonly maxLength?: number;
}

const longestMessage = 2_000;

/** One line to write in, below its name. */
export function TextField(props: TextFieldProps) {
  const { label, value, type = "text", required = false, autoFocus = false } = props;
  const common = {
    dir: "auto" as const,
    required,
    autoFocus,
    maxLength: props.maxLength ?? longestMessage,
    value: value.value,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) =>
      void (value.value = event.currentTarget.value),
  };
  return (
    <label class="field">
      <span>{label}</span>
      {type === "text" ? <input type="text" {...common} /> : <input type="datetime-local" {...common} />}
    </label>
  );
}
