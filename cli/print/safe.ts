// C0, DEL, C1, line separators and the marks that turn text around: a server's words (a pod's
// message, a tag, a commit text) must not move the cursor or show other than they are.
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text for one line: whatever could steer a terminal is shown as its code. */
export function safe(text: string): string {
  return text.replaceAll(unsafe, shown);
}

/** Text of several lines, such as a diff: line breaks and tabs stay. */
export function safeBlock(text: string): string {
  return text.replaceAll(unsafe, (char) => (char === "\n" || char === "\t" ? char : shown(char)));
}

/** JSON that holds the same data, with everything unsafe as \uXXXX. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.replaceAll(unsafe, (char) => (char === "\n" ? char : `\\u${hex(char).padStart(4, "0")}`));
}

/** A line that is JSON already, with everything unsafe as \uXXXX: it holds the same data. */
export function safeJsonLine(line: string): string {
  return line.replaceAll(unsafe, (char) => `\\u${hex(char).padStart(4, "0")}`);
}

function shown(char: string): string {
  return `\\u{${hex(char)}}`;
}

function hex(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16);
}
