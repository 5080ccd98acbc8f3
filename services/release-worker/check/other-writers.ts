import type { OtherWriter } from "#proto/slipway/release/v1/release.ts";

/** Marks of tools that write images to git by themselves (SURFACE §1): a release and they would undo each other. */
const marks = [
  { tool: "flux", pattern: /\{\s*"\$imagepolicy"\s*:/, inPathsOnly: true },
  { tool: "flux", pattern: /^\s*kind:\s*["']?ImageUpdateAutomation\b/, inPathsOnly: false },
  { tool: "argo-cd", pattern: /argocd-image-updater\.argoproj\.io\//, inPathsOnly: false },
] as const;

/** Where Argo CD's Image Updater keeps what it chose. */
const sourceFile = /(?:^|\/)\.argocd-source(?:-[^/]*)?\.ya?ml$/;

/** The first mark of each tool in a file; a marker counts only where we would write too. */
export function writersIn(file: { path: string; text: string; inPaths: boolean }): readonly OtherWriter[] {
  const { path, text, inPaths } = file;
  if (sourceFile.test(path)) return [{ tool: "argo-cd", path, line: 1 }];
  const wanted = marks.filter(
    ({ pattern, inPathsOnly }) => (inPaths || !inPathsOnly) && mentions(text, pattern),
  );
  const found = wanted.map(({ tool, pattern }) => ({ tool, path, line: lineOf(text, pattern) }));
  return [...new Map(found.toReversed().map((one) => [one.tool, one])).values()];
}

function mentions(text: string, pattern: RegExp): boolean {
  return new RegExp(pattern, "m").test(text);
}

function lineOf(text: string, pattern: RegExp): number {
  return text.split("\n").findIndex((line) => pattern.test(line)) + 1;
}
