/** Lines for people who watch with `--trace`, apart from the log: who, and what crossed a boundary. */
export function stdoutTrace(who: string): (line: string) => void {
  return (line) => void process.stdout.write(`trace: ${who}: ${line}\n`);
}
