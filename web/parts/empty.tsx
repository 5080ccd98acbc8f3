import type { ComponentChildren } from "preact";

/** Nothing to show, said with what to do about it. */
export function Empty(props: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children === undefined ? null : <div class="muted">{props.children}</div>}
    </div>
  );
}

/** Where something will be; of the same height as what comes, so that nothing jumps. */
export function Skeleton({ lines, label }: { readonly lines: number; readonly label: string }) {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="skeleton-line" />
      ))}
    </div>
  );
}
