import type { WindowNow } from "#common/contracts/gates.ts";
import { windowState } from "#common/domain/windows.ts";
import type { ReleaseWindow } from "#common/domain/windows.ts";

/** Whether releases may run now: one answer for all namespaces, and one for each set that has its own windows. */
export function windowsNow(windows: readonly ReleaseWindow[], now: Date): WindowNow[] {
  const sets = new Map(windows.map(({ namespaces }) => [JSON.stringify(namespaces ?? null), namespaces]));
  return [...sets].map(([key, namespaces]) => {
    const counting = windows.filter(
      (one) => one.namespaces === undefined || JSON.stringify(one.namespaces) === key,
    );
    const { open, until, reason } = windowState(counting, "all", now);
    return {
      open,
      until: until?.toISOString() ?? null,
      reason: reason ?? null,
      namespaces: namespaces === undefined ? null : [...namespaces],
    };
  });
}
