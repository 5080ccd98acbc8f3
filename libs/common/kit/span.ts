/** What is told of a piece of work, and to whom. */

export interface NewSpan {
  readonly name: string;
  readonly kind: "server" | "client" | "internal" | "consumer";
  /** Where it belongs; without it a trace begins. */
  readonly parent?: string | undefined;
  readonly facts?: Readonly<Record<string, string | number>>;
  /** When it began, if that is over already. */
  readonly startedAt?: Date;
}

export interface OpenSpan {
  /** What belongs below it names this as its parent. */
  readonly traceParent: string;
  add(facts: Readonly<Record<string, string | number>>): void;
  /** A `failure` is a code of the catalogue. */
  end(failure?: string): void;
}

export interface Tracer {
  begin(span: NewSpan): OpenSpan;
  close(): Promise<void>;
}
