import type { FileDiff } from "#common/contracts/http.ts";

import { diffLines } from "../core/diff-lines.ts";
import { WindowList } from "./window-list.tsx";

const linePx = 20;
const mostPx = 420;
const marks = { add: "+", remove: "−", hunk: "", same: "" } as const;

/** What would change in a file, or has. */
export function Diff({ diff }: { readonly diff: FileDiff }) {
  const lines = diffLines(diff.unified);
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
        line={(index) => {
          const line = lines[index];
          if (line === undefined) return null;
          return (
            <div key={index} class={`diff-line ${line.kind}`}>
              <span class="diff-number">{line.before ?? ""}</span>
              <span class="diff-number">{line.after ?? ""}</span>
              <span
                class="diff-mark"
                aria-label={line.kind === "add" ? "added" : line.kind === "remove" ? "removed" : undefined}
                role={line.kind === "add" || line.kind === "remove" ? "img" : undefined}
              >
                {marks[line.kind]}
              </span>
              <code>{line.text}</code>
            </div>
          );
        }}
      />
    </section>
  );
}
