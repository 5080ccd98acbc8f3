import { useCallback, useMemo } from "preact/hooks";

import type { FileDiff } from "#common/contracts/http.ts";

import { diffLines } from "../core/diff-lines.ts";
import type { DiffLine } from "../core/diff-lines.ts";
import { WindowList } from "./window-list.tsx";

const linePx = 20;
const mostPx = 420;
const marks = { add: "+", remove: "−", hunk: "", same: "" } as const;

/** What would change in a file, or has. */
export function Diff({ diff }: { readonly diff: FileDiff }) {
  const lines = useMemo(() => diffLines(diff.unified), [diff.unified]);
  const line = useCallback((index: number) => <Line key={index} line={lines[index]} />, [lines]);
  return (
    <section class="diff" aria-label={`Changes of ${diff.path}`}>
      <header class="diff-head">
        <span class="mono" dir="auto">
          {diff.path}
        </span>
        <span class="diff-count">
          <span class="good-text">+{diff.added}</span> <span class="bad-text">−{diff.removed}</span>
        </span>
      </header>
      <WindowList
        count={lines.length}
        linePx={linePx}
        maxPx={mostPx}
        label={`Lines of ${diff.path}`}
        line={line}
      />
    </section>
  );
}

const words = { add: "added", remove: "removed" } as const;

function Line({ line }: { readonly line: DiffLine | undefined }) {
  if (line === undefined) return null;
  const { kind, text, before, after } = line;
  return (
    <div class={`diff-line ${kind}`}>
      <span class="diff-number">{before ?? ""}</span>
      <span class="diff-number">{after ?? ""}</span>
      <span class="diff-mark" aria-hidden="true">
        {marks[kind]}
      </span>
      {kind === "add" || kind === "remove" ? <span class="hidden">{words[kind]}: </span> : null}
      <code>{text}</code>
    </div>
  );
}
