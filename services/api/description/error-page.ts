import { errorNotes } from "#common/domain/error-notes.ts";
import { errorCatalogue } from "#common/domain/errors.ts";
import type { ErrorCode, ErrorNext } from "#common/domain/errors.ts";

import { statusOf } from "../problem.ts";
import { escapeHtml, htmlPage, proseHtml } from "./html.ts";

/** What a code means and what to do, for the API's pages and for docs/errors.md. */
export interface ErrorWords {
  readonly code: ErrorCode;
  readonly title: string;
  readonly status: number;
  readonly next: string;
  readonly note: string | undefined;
}

const nextWords: Record<ErrorNext, string> = {
  retry: "The same again may succeed soon. Jobs try again by themselves.",
  wait: "Something outside has to change first. Jobs wait and go on by themselves.",
  stop: "Trying again will not help: a person has to change something.",
};

/** The words of every code, in alphabetical order. */
export function allErrorWords(): readonly ErrorWords[] {
  return (Object.keys(errorCatalogue) as ErrorCode[]).toSorted().map(errorWords);
}

export function errorWords(code: ErrorCode): ErrorWords {
  const { title, next } = errorCatalogue[code];
  return { code, title, status: statusOf(code), next: nextWords[next], note: errorNotes[code] };
}

/** The page that `type` of a problem points at. */
export function errorPage(code: ErrorCode): string {
  const { title, status, next, note } = errorWords(code);
  const told = note === undefined ? "" : `<p>${proseHtml(note)}</p>`;
  return htmlPage(
    code,
    `<h1><code>${code}</code></h1><p>${escapeHtml(title)}.</p>${told}<p>${escapeHtml(next)}</p>
<p class="muted">HTTP status ${status}, or the error of a job. <a href="/v1/errors">All codes</a></p>`,
  );
}

/** All codes on a page. */
export function errorListPage(): string {
  const rows = allErrorWords().map(
    ({ code, title, status }) =>
      `<tr><td><a href="/v1/errors/${code}"><code>${code}</code></a></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  );
  return htmlPage(
    "Error codes",
    `<h1>Error codes</h1><p>Codes are stable: programs may rely on them.</p>
<table><tr><th>Code</th><th>Status</th><th>Meaning</th></tr>${rows.join("\n")}</table>`,
  );
}
