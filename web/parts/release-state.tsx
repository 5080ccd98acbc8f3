import type { Workload } from "#common/contracts/http.ts";

const tones = {
  ready: "good",
  updating: "accent",
  error: "bad",
  "not-running": "plain",
  unknown: "plain",
} as const;

/** How its rollout stands, with the pod's own reason. */
export function ReleaseState({ release }: { readonly release: Workload["release"] }) {
  const counted = release.state === "ready" && release.desired > 0;
  return (
    <span class={`release-state ${tones[release.state]}`} title={release.message ?? undefined}>
      <span class="release-word" dir="auto">
        {release.text}
      </span>
      {counted ? (
        <span class="muted">
          {" "}
          {release.available}/{release.desired}
        </span>
      ) : null}
    </span>
  );
}
