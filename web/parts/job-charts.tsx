import type { Job } from "#common/contracts/http.ts";

import { figuresOf, perDay, untilHealthy } from "../core/charts.ts";
import { countText, durationText } from "../core/format.ts";
import { useApp } from "../state/app.ts";
import { Chart } from "./chart.tsx";

const days = 30;

/** How releases went: how many a day, how they ended, how long until they were healthy. */
export function JobCharts({ jobs }: { readonly jobs: readonly Job[] }) {
  const { clock } = useApp();
  const { releases, failed, undone, medianSeconds } = figuresOf(jobs);
  if (releases === 0) return null;
  // To the minute: the charts need not be drawn anew each second.
  const nowMs = Math.floor(clock.now.value / 60_000) * 60_000;
  const range = { from: nowMs / 1_000 - days * 86_400, to: nowMs / 1_000 + 43_200 };
  const counts = perDay(jobs, nowMs, days);
  const healthy = untilHealthy(jobs);
  const median = medianSeconds === undefined ? "—" : durationText(medianSeconds * 1_000);
  return (
    <section class="charts" aria-label="How releases went">
      <figure>
        <figcaption>
          <strong>{countText(releases, "release")}</strong>
          <span class="good-text">{releases - failed - undone} well</span>
          <span class="bad-text">{failed} failed</span>
          <span class="warn-text">{undone} rolled back</span>
        </figcaption>
        <Chart
          label={`Releases per day in the last ${days} days: ${releases} in all, ${failed} failed, ${undone} rolled back`}
          {...range}
          kind="bars"
          at={counts.days}
          series={[
            { label: "well", color: "--good", values: counts.good },
            { label: "rolled back", color: "--warn", values: counts.undone },
            { label: "failed", color: "--bad", values: counts.bad },
          ]}
        />
      </figure>
      <figure>
        <figcaption>
          <strong>{median}</strong>
          <span class="muted">median, from request to healthy</span>
        </figcaption>
        <Chart
          label={`Time from the request until healthy, ${median} in the middle`}
          {...range}
          kind="points"
          at={healthy.at}
          unit=" s"
          series={[{ label: "until healthy", color: "--accent", values: healthy.seconds }]}
        />
      </figure>
    </section>
  );
}
