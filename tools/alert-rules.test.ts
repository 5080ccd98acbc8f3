import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { metricCatalogue } from "./metric-catalogue.ts";
import { readPromql } from "./promql.ts";

const root = join(import.meta.dirname, "..");
const readText = (path: string): string => readFileSync(join(root, path), "utf8");

const ruleFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Slipway[A-Z]\w+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+m$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
          annotations: z.strictObject({ summary: z.string().min(10), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

const { groups } = ruleFile.parse(parse(readText("k8s/alerts/rules.yaml")));
const rules = groups.flatMap((group) => group.rules);
const known = metricCatalogue();

/** Given by whoever asks the page, or to every metric of ours. */
const everybodysLabels = ["instance", "job", "le", "service"];

function metricNamed(name: string) {
  return known.find((one) =>
    one.kind === "histogram"
      ? [`${one.name}_bucket`, `${one.name}_sum`, `${one.name}_count`].includes(name)
      : one.name === name,
  );
}

function sorted(names: Iterable<string>): string[] {
  return [...names].toSorted((a, b) => (a < b ? -1 : 1));
}

test("there are rules, each with a name of its own", () => {
  expect(rules.length).toBeGreaterThan(15);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

test.each(rules)("$alert asks for metrics and labels that a process shows", ({ expr }) => {
  const { faults, metrics, labels } = readPromql(expr);
  expect(faults).toEqual([]);
  expect(metrics.length).toBeGreaterThan(0);
  expect(metrics.filter((name) => metricNamed(name) === undefined)).toEqual([]);
  const theirs = metrics.flatMap((name) => metricNamed(name)?.labels ?? []);
  expect(labels.filter((label) => ![...everybodysLabels, ...theirs].includes(label))).toEqual([]);
});

test("the parser finds what is wrong with an expression, and what it reads", () => {
  expect(readPromql("sum(rate(a_total[5m])").faults).not.toEqual([]);
  expect(readPromql('sum by (code) (rate(a_total{b="c"}[5m])) > b_seconds')).toEqual({
    faults: [],
    metrics: ["a_total", "b_seconds"],
    labels: ["code", "b"],
  });
});

test("docs/operating.md says of each alert what to do, and of no other", () => {
  const told = [...readText("docs/operating.md").matchAll(/^### (Slipway\w+)$/gm)].map(
    ([, name = ""]) => name,
  );
  expect(sorted(told)).toEqual(sorted(rules.map(({ alert }) => alert)));
  for (const { alert, annotations } of rules)
    expect(annotations.runbook).toBe(`docs/operating.md#${alert.toLowerCase()}`);
});

test("docs/metrics.md lists every metric with its labels", () => {
  const rows = [...readText("docs/metrics.md").matchAll(/`(slipway_\w+)(?:\{([\w,]+)\})?`/g)];
  const told = rows.map(([, name = "", labels = ""]) => `${name} ${labels}`);
  const wanted = known.map(({ name, labels }) => `${name} ${labels.join(",")}`);
  expect(sorted(new Set(told))).toEqual(sorted(wanted));
});
