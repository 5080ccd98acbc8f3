import { operations, roleAllows } from "#common/contracts/operations.ts";
import type { Operation, OperationName } from "#common/contracts/operations.ts";
import type { Session } from "#common/contracts/session.ts";

/** Whether who is signed in may do a thing: what they may not is not offered. The server has the last word. */
export function mayDo(session: Session | undefined, name: OperationName): boolean {
  if (session === undefined) return false;
  const { role }: Operation = operations[name];
  return role === "public" || roleAllows(session.role, role);
}
