/** Ends a switch over a tagged union: a new case that nobody handled breaks the build. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
