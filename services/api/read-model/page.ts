import type { Workload } from "#common/contracts/http.ts";
import { SlipwayError } from "#common/domain/errors.ts";

/** One page of workloads that are in order of id; the cursor is the last id seen. */
export function cutPage(
  workloads: readonly Workload[],
  page: { readonly limit: number; readonly after: string | undefined },
): { workloads: readonly Workload[]; next: string | null } {
  const after = page.after === undefined ? undefined : readCursor(page.after);
  const rest = after === undefined ? workloads : workloads.filter((one) => one.id > after);
  const cut = rest.length <= page.limit ? rest : rest.slice(0, page.limit);
  const last = cut.at(-1);
  return {
    workloads: cut,
    next: rest.length > cut.length && last !== undefined ? writeCursor(last.id) : null,
  };
}

function writeCursor(id: string): string {
  return Buffer.from(id).toString("base64url");
}

function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, "base64url").toString("utf8");
  // Read back: base64 decoding forgives what is no base64.
  if (!id.includes(":") || writeCursor(id) !== cursor) throw new SlipwayError("CURSOR_INVALID");
  return id;
}
