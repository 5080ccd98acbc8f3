import { styleText } from "node:util";

/** Colour where the stream shows it, plain text elsewhere. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  strong(text: string): string;
}

/** Whether to colour is decided by the caller, once per stream. */
export function createPaint(colour: boolean): Paint {
  const style = (format: "green" | "red" | "yellow" | "dim" | "bold") => (text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  return {
    good: style("green"),
    bad: style("red"),
    warn: style("yellow"),
    dim: style("dim"),
    strong: style("bold"),
  };
}
