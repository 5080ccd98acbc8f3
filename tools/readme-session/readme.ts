const begin = "<!-- session: made by node tools/readme-session/record.ts from a run of the demo's world -->";
const end = "<!-- session ends -->";

/** The session as it stands in the README. */
export function sessionIn(readme: string): readonly string[] {
  const [, block = ""] = readme.split(begin);
  const [, text = ""] = /```text\n([^]*?)\n```/.exec(block.split(end)[0] ?? "") ?? [];
  return text.split("\n");
}

/** The README with another session. */
export function withSession(readme: string, lines: readonly string[]): string {
  const [before, rest] = readme.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error("the README has no place for a session");
  return `${before}${begin}\n\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n\n${end}${after}`;
}
