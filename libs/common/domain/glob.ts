/** Whether the text is what the pattern says; `*` stands for any characters, also none. */
export function matchesGlob(pattern: string, text: string): boolean {
  // Part after part from the left, in linear steps: a regular expression of many stars can take for ever.
  const parts = pattern.split("*");
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
