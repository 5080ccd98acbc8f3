/** What one look of the doctor found. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly name: string;
  /** warn: works, worth a look. bad: somebody has to act. */
  readonly state: "ok" | "warn" | "bad";
  readonly text: string;
  /** What to do; null when all is well. */
  readonly todo: string | null;
}

export function ok(name: string, text: string): Finding {
  return { name, state: "ok", text, todo: null };
}

export function warn(name: string, text: string, todo: string | null): Finding {
  return { name, state: "warn", text, todo };
}

export function bad(name: string, text: string, todo: string | null): Finding {
  return { name, state: "bad", text, todo };
}
