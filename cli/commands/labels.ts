import { InvalidArgumentError } from "commander";

/** `--label key=value`, repeatable; a key counts once. What may stand in it is the server's to say. */
export function parseLabel(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, key = "", value = ""] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (key === "") throw new InvalidArgumentError("write key=value");
  if (Object.hasOwn(before, key)) throw new InvalidArgumentError(`${key} is given twice`);
  return { ...before, [key]: value };
}
