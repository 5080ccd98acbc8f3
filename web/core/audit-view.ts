import type { AuditEntry } from "#common/contracts/audit.ts";

import { shortWorkload, wordsOf } from "./format.ts";

/** "createRelease" as words: "create release". */
export function operationWords(operation: string): string {
  return wordsOf(operation.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));
}

/** What an entry is about: its workloads, few by name. */
export function subjectText({
  workloads,
  environment,
}: Pick<AuditEntry, "workloads" | "environment">): string {
  const names = (workloads ?? []).map(shortWorkload);
  const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} more`] : names;
  return [environment ?? "", shown.join(", ")].filter((part) => part !== "").join(": ");
}
