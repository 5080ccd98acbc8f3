import { SlipwayError } from "#common/domain/errors.ts";

/** Passes a full object id through and refuses everything else before it reaches an argument list. */
export function checkOid(text: string): string {
  if (/^[0-9a-f]{40}$/.test(text)) return text;
  throw new SlipwayError("INTERNAL", { detail: `${JSON.stringify(text.slice(0, 80))} is not an object id` });
}
