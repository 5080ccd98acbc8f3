/** The words of a line up to the cursor; the last one is still being typed, and may be empty. */
export function wordsOf(line: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let isOpen = false;
  let quote: string | undefined;
  const characters = Array.from(line.slice(0, lineLimit));
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (quote === undefined && /\s/.test(character)) {
      if (isOpen) words.push(word);
      word = "";
      isOpen = false;
      continue;
    }
    isOpen = true;
    if (character === quote) quote = undefined;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === "\\" && quote !== "'") word += characters[(at += 1)] ?? "";
    else word += character;
  }
  return [...words, word];
}

const lineLimit = 10_000;
