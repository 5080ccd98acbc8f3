/** A step's text as one of few words, such as a label of a metric: texts name workloads without end. */
export type StepName =
  | "clone"
  | "compare"
  | "other"
  | "push"
  | "regrade"
  | "restart"
  | "rollback"
  | "rollout"
  | "wait";

const beginnings: readonly (readonly [string, StepName])[] = [
  ["Clone the config repo", "clone"],
  ["Commit and push the config repo", "push"],
  ["Compare the cluster", "compare"],
  ["Regrade ", "regrade"],
  ["Restart of ", "restart"],
  ["Rollback", "rollback"],
  ["Rollout of ", "rollout"],
  ["Waiting for ", "wait"],
];

/** The word for a step that takes its time; steps that are over at once are `other`. */
export function stepName(text: string): StepName {
  return beginnings.find(([beginning]) => text.startsWith(beginning))?.[1] ?? "other";
}
