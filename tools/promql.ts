import { parser } from "@prometheus-io/lezer-promql";

/** What a PromQL expression is about. */
export interface PromqlFacts {
  /** Where it could not be parsed, as texts. */
  readonly faults: readonly string[];
  /** Metrics that it reads. */
  readonly metrics: readonly string[];
  /** Labels that it selects or groups by. */
  readonly labels: readonly string[];
}

/** Reads a PromQL expression with the parser of Prometheus' own page. */
export function readPromql(expression: string): PromqlFacts {
  const faults: string[] = [];
  const metrics = new Set<string>();
  const labels = new Set<string>();
  parser.parse(expression).iterate({
    enter: (node) => {
      const text = expression.slice(node.from, node.to);
      if (node.type.isError) faults.push(`"${text}" at ${node.from}`);
      const parent = node.node.parent?.name;
      if (node.name === "Identifier" && parent === "VectorSelector") metrics.add(text);
      if (node.name === "LabelName") labels.add(text);
    },
  });
  return { faults, metrics: [...metrics], labels: [...labels] };
}
