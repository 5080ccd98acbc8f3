const paths = {
  check: "M3.5 8.5 6.5 11.5 12.5 4.5",
  cross: "M4 4 12 12M12 4 4 12",
  dash: "M4 8h8",
  undo: "M6 3.5 2.8 6.6 6 9.8M3 6.6h6.2a3.6 3.6 0 0 1 0 7.2H6.5",
  wait: "M8 4.5V8l2.5 1.8M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12",
  dot: "M8 8h.01",
  search: "M10.2 10.2 14 14M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10",
  sun: "M8 1.5v1.7M8 12.8v1.7M1.5 8h1.7M12.8 8h1.7M3.4 3.4l1.2 1.2M11.4 11.4l1.2 1.2M3.4 12.6l1.2-1.2M11.4 4.6l1.2-1.2M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6",
  moon: "M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6 5.8 5.8 0 1 0 13.4 9.6",
  arrow: "M3 8h9M8.5 4.2 12.3 8l-3.8 3.8",
  alert:
    "M8 5.5v3.2M8 11.3h.01M7 2.7 1.7 12a1.2 1.2 0 0 0 1 1.8h10.6a1.2 1.2 0 0 0 1-1.8L9 2.7a1.2 1.2 0 0 0-2 0",
  exit: "M6.5 13.5h-3v-11h3M10 5l3 3-3 3M13 8H6.5",
  lock: "M4.5 7.5V5.3a3.5 3.5 0 0 1 7 0v2.2M3.6 7.5h8.8v6H3.6z",
} as const;

export type IconName = keyof typeof paths;

/** A sign beside words; never the only thing that tells. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path
        d={paths[name]}
        fill="none"
        stroke="currentColor"
        stroke-width={name === "dot" ? 5 : 1.6}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
