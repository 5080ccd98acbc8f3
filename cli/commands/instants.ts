import { InvalidArgumentError } from "commander";

import { parseDuration } from "./common.ts";

const written = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/;

/** `2026-12-01T06:00Z`, or a duration from now such as 2h; as an instant. */
export function parseFuture(text: string, now: Date): string {
  const [whole, zone] = written.exec(text) ?? [];
  if (whole === undefined) {
    if (!/^[\d.]+[smhd]$/.test(text)) {
      throw new InvalidArgumentError("wanted: a time such as 2026-12-01T06:00Z, or a duration such as 2h");
    }
    return new Date(now.getTime() + parseDuration(text)).toISOString();
  }
  if (zone === undefined) {
    throw new InvalidArgumentError("its time zone is missing: write 2026-12-01T06:00Z or …T07:00+01:00");
  }
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError("there is no such time");
  return new Date(at).toISOString();
}
