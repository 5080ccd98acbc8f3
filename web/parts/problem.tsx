import type { ComponentChildren } from "preact";

import { CliProblem } from "../../cli/problem.ts";
import { Icon } from "./icon.tsx";

/** What went wrong, in the server's words, with what to do about it. */
export function ProblemNote(props: {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly children?: ComponentChildren;
}) {
  const { title, detail, hint, code, requestId } = partsOf(props.error);
  return (
    <div class="note bad" role="alert">
      <Icon name="alert" />
      <div class="note-text">
        <strong>{title}</strong>
        {detail === undefined ? null : <p dir="auto">{detail}</p>}
        {hint === undefined ? null : <p class="muted">{hint}</p>}
        {props.children}
        <p class="muted small">
          {/^[A-Z_]+$/.test(code) && code !== "UNREACHABLE" ? (
            <a href={`/v1/errors/${code}`} target="_blank" rel="noreferrer">
              {code}
            </a>
          ) : (
            code
          )}
          {requestId === undefined ? "" : ` · request ${requestId}`}
        </p>
      </div>
      {props.onRetry === undefined ? null : (
        <button type="button" onClick={props.onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

function partsOf(error: unknown): {
  readonly title: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly code: string;
  readonly requestId?: string | undefined;
} {
  if (error instanceof CliProblem) return error.parts;
  return { title: "Something broke in this page", detail: String(error), code: "page" };
}
