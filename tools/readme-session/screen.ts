// oxlint-disable-next-line no-control-regex -- they are what is looked for
const tokens = /\u001b\[\??(\d*)(?:;\d+)?([A-Za-z])|[\r\n]|[^\r\n\u001b]+/g;

/** What stands on a terminal at the end, from everything that was written to it: as much of one as our programs use. */
export function screenOf(written: string): readonly string[] {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  const put = (text: string) => {
    const line = (lines[row] ?? "").padEnd(column);
    lines[row] = line.slice(0, column) + text + line.slice(column + text.length);
    column += text.length;
  };
  for (const [token, count = "", act] of written.matchAll(tokens)) {
    if (token === "\r") column = 0;
    else if (token === "\n") {
      row += 1;
      while (lines.length <= row) lines.push("");
    } else if (act === "A") row = Math.max(0, row - Number(count || 1));
    else if (act === "G") column = Number(count || 1) - 1;
    else if (act === "J") {
      lines.length = row + 1;
      lines[row] = (lines[row] ?? "").slice(0, column);
    } else if (act === undefined) put(token);
  }
  return lines.map((line) => line.trimEnd());
}
