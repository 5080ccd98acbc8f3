import { describe, expect, test } from "vitest";

import { approvalsSettings, windowsSettings } from "./gate-settings.ts";

const window = { allow: "0 9 * * 1-5", timeZone: "Europe/Berlin", duration: "8h" };

function faults(
  schema: typeof windowsSettings | typeof approvalsSettings,
  value: unknown,
): readonly string[] {
  const result = schema.safeParse([value]);
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.slice(1).join(".")}: ${message}`);
}

describe("windows", () => {
  test("are read as they are decided by", () => {
    const deny = {
      deny: "0 15 * * 5",
      timeZone: "UTC",
      duration: "2d",
      namespaces: ["team-*"],
      reason: "weekend",
    };
    expect(windowsSettings.parse([window, deny])).toEqual([
      { kind: "allow", cron: "0 9 * * 1-5", timeZone: "Europe/Berlin", durationMs: 28_800_000 },
      {
        kind: "deny",
        cron: "0 15 * * 5",
        timeZone: "UTC",
        durationMs: 172_800_000,
        namespaces: ["team-*"],
        reason: "weekend",
      },
    ]);
  });

  test.each([
    [{ ...window, timeZone: "Mars/Phobos" }, 'timeZone: there is no time zone "Mars/Phobos"'],
    [{ ...window, allow: "0 9 * * 8" }, 'allow: "0 9 * * 8" is no schedule of five fields'],
    [{ ...window, allow: "0 0 30 2 *" }, 'allow: "0 0 30 2 *" never comes'],
    [{ ...window, allow: undefined, deny: "soon" }, 'deny: "soon" is no schedule'],
    [{ ...window, deny: "0 9 * * *" }, 'give either "allow" or "deny"'],
    [{ ...window, allow: undefined }, 'give either "allow" or "deny"'],
    [{ ...window, duration: "8" }, "duration: a duration such as"],
    [{ ...window, duration: "61d" }, "duration: from 1m to 60d"],
    [{ ...window, duration: "0m" }, "duration: from 1m to 60d"],
    [{ ...window, allow: "0 * * * *" }, "duration: it overlaps itself: it starts again after 1 h"],
    [
      { ...window, allow: "0 9 * * *", duration: "2d" },
      "duration: it overlaps itself: it starts again after 23 h",
    ],
    [{ ...window, namespaces: [] }, "namespaces: "],
    [{ ...window, namespaces: ["Team"] }, "namespaces.0: a namespace or a pattern"],
    [{ ...window, timezone: "UTC" }, 'Unrecognized key: "timezone"'],
  ])("%j is refused: %s", (value, expected) => {
    expect(faults(windowsSettings, value).join("\n")).toContain(expected);
  });

  test("that last a whole day are no mistake, though one day in spring has 23 hours", () => {
    expect(faults(windowsSettings, { ...window, allow: "0 0 * * 6,0", duration: "24h" })).toEqual([]);
    expect(faults(windowsSettings, { ...window, allow: "0 0 * * *", duration: "24h" })).toEqual([]);
  });
});

describe("approvals", () => {
  const rule = { role: "approver", deadline: "24h" };

  test("name a role, tokens or a group", () => {
    const rules = [
      rule,
      { tokens: ["alice"], deadline: "4h" },
      { group: "sre", namespaces: ["pay*"], deadline: "30m" },
    ];
    expect(approvalsSettings.parse(rules)).toEqual([
      { role: "approver", deadlineMs: 86_400_000 },
      { tokens: ["alice"], deadlineMs: 14_400_000 },
      { group: "sre", namespaces: ["pay*"], deadlineMs: 1_800_000 },
    ]);
  });

  test.each([
    [{ deadline: "24h" }, "give exactly one of"],
    [{ ...rule, group: "sre" }, "give exactly one of"],
    [{ ...rule, role: "viewer" }, "role: "],
    [{ role: "approver" }, "deadline: "],
    [{ tokens: [], deadline: "1h" }, "tokens: "],
  ])("%j is refused: %s", (value, expected) => {
    expect(faults(approvalsSettings, value).join("\n")).toContain(expected);
  });
});
