import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface ChartSeries {
  readonly label: string;
  readonly color: "--good" | "--bad" | "--warn" | "--accent";
  readonly values: readonly number[];
}

export interface ChartProps {
  /** In words, for who does not see it. */
  readonly label: string;
  readonly kind: "bars" | "points";
  /** What the whole width stands for, and where the values are: seconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly at: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly unit?: string;
}

const heightPx = 120;

/** A small chart in the colours of the theme; bars of several series stand on each other. */
export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const key = JSON.stringify([props.at, props.series]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const draw = (): uPlot => new uPlot(optionsOf(props, element), dataOf(props), element);
    let chart = draw();
    const again = (): void => {
      chart.destroy();
      chart = draw();
    };
    const sized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: heightPx }));
    sized.observe(element);
    const themed = new MutationObserver(again);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      sized.disconnect();
      themed.disconnect();
      chart.destroy();
    };
  }, [key]);
  return <div ref={box} class="chart" role="img" aria-label={props.label} />;
}

function colorOf(element: HTMLElement, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

/** Later series stand on earlier ones: drawn from the top down. */
function dataOf({ at, series, kind }: ChartProps): uPlot.AlignedData {
  const own = series.map(({ values }) => [...values]);
  if (kind === "points") return [[...at], ...own];
  const stacked = own.map((_, index) =>
    at.map((_day, place) => {
      const sum = own.slice(0, index + 1).reduce((total, values) => total + (values[place] ?? 0), 0);
      return sum === 0 ? null : sum;
    }),
  );
  return [[...at], ...stacked.toReversed()];
}

function optionsOf({ series, kind, from, to, unit = "" }: ChartProps, element: HTMLElement): uPlot.Options {
  const muted = colorOf(element, "--muted");
  const line = colorOf(element, "--line");
  const shown = kind === "bars" ? series.toReversed() : series;
  const date = (at: number): string =>
    new Date(at * 1_000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const axis = { stroke: muted, font: "11px system-ui", ticks: { show: false } };
  return {
    width: element.clientWidth || 300,
    height: heightPx,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: true, range: [from, to] },
      y: { range: (_self, _min, max) => [0, Math.max(kind === "bars" ? 4 : 1, max * 1.15)] },
    },
    axes: [
      { ...axis, size: 24, space: 70, grid: { show: false }, values: (_self, splits) => splits.map(date) },
      {
        ...axis,
        size: 40,
        space: 28,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
        grid: { stroke: line, width: 1 },
        values: (_self, splits) => splits.map((value) => (Number.isInteger(value) ? `${value}${unit}` : "")),
      },
    ],
    series: [
      {},
      ...shown.map(({ label, color }) => ({
        label,
        stroke: colorOf(element, color),
        fill: colorOf(element, color),
        ...(kind === "bars"
          ? { ...barPaths(), points: { show: false } }
          : { paths: () => null, points: { show: true, size: 6, fill: colorOf(element, color) } }),
      })),
    ],
  };
}

function barPaths(): Pick<uPlot.Series, "paths"> {
  const paths = uPlot.paths.bars?.({ size: [0.6, 18], radius: 0.15 });
  return paths === undefined ? {} : { paths };
}
