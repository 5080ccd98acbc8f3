import { describe, expect, test } from "vitest";

import { scheduleFault, timeZoneFault } from "./cron.ts";
import { windowState } from "./windows.ts";
import type { ReleaseWindow } from "./windows.ts";

const hour = 3_600_000;

function allow(cron: string, hours: number, more: Partial<ReleaseWindow> = {}): ReleaseWindow {
  return { kind: "allow", cron, timeZone: "UTC", durationMs: hours * hour, ...more };
}

const deny = (cron: string, hours: number, more: Partial<ReleaseWindow> = {}): ReleaseWindow => ({
  ...allow(cron, hours, more),
  kind: "deny",
});

function at(
  instant: string,
  windows: readonly ReleaseWindow[],
  namespaces: readonly string[] | "all" = ["shop"],
) {
  const { open, until } = windowState(windows, namespaces, new Date(instant));
  return `${open ? "open" : "closed"} until ${until?.toISOString().replace(":00.000Z", "Z") ?? "ever"}`;
}

describe("a window", () => {
  const office = [allow("0 9 * * 1-5", 8)];

  test.each([
    ["2026-11-25T08:59:59.999Z", "closed until 2026-11-25T09:00Z"],
    ["2026-11-25T09:00:00.000Z", "open until 2026-11-25T17:00Z"],
    ["2026-11-25T16:59:59.999Z", "open until 2026-11-25T17:00Z"],
    ["2026-11-25T17:00:00.000Z", "closed until 2026-11-26T09:00Z"],
    ["2026-11-27T18:00:00.000Z", "closed until 2026-11-30T09:00Z"],
  ])("counts from its first moment to before its last: at %s it is %s", (instant, expected) => {
    expect(at(instant, office)).toBe(expected);
  });

  test("that denies closes where nothing allows", () => {
    expect(at("2026-11-27T12:00:00Z", [deny("0 15 * * 5", 9)])).toBe("open until 2026-11-27T15:00Z");
    expect(at("2026-11-27T15:00:00Z", [deny("0 15 * * 5", 9)])).toBe("closed until 2026-11-28T00:00Z");
  });

  test("that denies wins over one that allows, and tells why", () => {
    const windows = [...office, deny("0 12 * * *", 1, { reason: "lunch" })];
    expect(at("2026-11-25T10:00:00Z", windows)).toBe("open until 2026-11-25T12:00Z");
    expect(at("2026-11-25T12:30:00Z", windows)).toBe("closed until 2026-11-25T13:00Z");
    expect(windowState(windows, ["shop"], new Date("2026-11-25T12:30:00Z")).reason).toBe("lunch");
  });

  test("overlapping another that allows makes one long one", () => {
    const windows = [allow("0 9 * * *", 4), allow("0 12 * * *", 4)];
    expect(at("2026-11-25T10:00:00Z", windows)).toBe("open until 2026-11-25T16:00Z");
  });

  test("is looked for beyond others that end where they begin", () => {
    const windows = [allow("0 0 * * *", 24), deny("0 15 * * 5", 9)];
    expect(at("2026-11-21T10:00:00Z", windows)).toBe("open until 2026-11-27T15:00Z");
  });

  test("that others always cover is not looked for without end", () => {
    expect(at("2026-11-25T10:00:00Z", [allow("0 9 * * *", 8), deny("0 0 * * *", 24)])).toBe(
      "closed until ever",
    );
    expect(at("2026-11-25T10:00:00Z", [])).toBe("open until ever");
  });

  test("longer than the time to its next start is in force without a gap", () => {
    expect(at("2026-11-25T10:30:00Z", [allow("0 * * * *", 2)])).toBe("open until ever");
  });
});

describe("windows of namespaces", () => {
  const windows = [
    allow("0 9 * * *", 2, { namespaces: ["team-*"] }),
    deny("0 10 * * *", 1, { namespaces: ["db"] }),
  ];

  test("say nothing of others", () => {
    expect(at("2026-11-25T20:00:00Z", windows, ["shop"])).toBe("open until ever");
    expect(at("2026-11-25T20:00:00Z", windows, ["team-a"])).toBe("closed until 2026-11-26T09:00Z");
    expect(at("2026-11-25T20:00:00Z", windows, ["db"])).toBe("open until 2026-11-26T10:00Z");
  });

  test("have to be open for each namespace of a job", () => {
    expect(at("2026-11-25T20:00:00Z", windows, ["shop", "team-a"])).toBe("closed until 2026-11-26T09:00Z");
    expect(at("2026-11-25T10:30:00Z", windows, ["db", "team-a"])).toBe("closed until 2026-11-26T09:00Z");
  });

  test("all count for a job that may touch any namespace", () => {
    expect(at("2026-11-25T09:30:00Z", windows, "all")).toBe("open until 2026-11-25T10:00Z");
    expect(at("2026-11-25T12:00:00Z", windows, "all")).toBe("closed until 2026-11-26T09:00Z");
  });
});

describe("summer time", () => {
  const berlin = { timeZone: "Europe/Berlin" };
  const morning = [allow("0 9 * * *", 8, berlin)];

  test.each([
    // 29 March: the clock goes from 02:00 to 03:00.
    ["2026-03-28T07:00:00Z", "closed until 2026-03-28T08:00Z"],
    ["2026-03-28T16:00:00Z", "closed until 2026-03-29T07:00Z"],
    // 25 October: from 03:00 back to 02:00.
    ["2026-10-24T15:00:00Z", "closed until 2026-10-25T08:00Z"],
  ])("keeps the wall clock: at %s it is %s", (instant, expected) => {
    expect(at(instant, morning)).toBe(expected);
  });

  test("a window over the change lasts as long as it says", () => {
    expect(at("2026-03-29T00:30:00Z", [allow("0 1 * * *", 2, berlin)])).toBe("open until 2026-03-29T02:00Z");
    expect(at("2026-10-25T00:30:00Z", [allow("0 1 * * *", 2, berlin)])).toBe("open until 2026-10-25T01:00Z");
  });

  test("a start that the clock leaves out comes an hour later, and is not lost", () => {
    const night = [deny("30 2 * * *", 1, berlin)];
    expect(at("2026-03-29T00:00:00Z", night)).toBe("open until 2026-03-29T01:30Z");
    expect(at("2026-03-29T01:30:00Z", night)).toBe("closed until 2026-03-29T02:30Z");
  });

  test("a start that the clock shows twice comes once, the first time", () => {
    const night = [allow("30 2 * * *", 1, berlin)];
    expect(at("2026-10-25T00:30:00Z", night)).toBe("open until 2026-10-25T01:30Z");
    expect(at("2026-10-25T01:30:00Z", night)).toBe("closed until 2026-10-26T01:30Z");
  });

  test("a day that is left out at midnight still has its window", () => {
    const sao = [deny("0 0 * * *", 2, { timeZone: "America/Sao_Paulo" })];
    expect(at("2018-11-04T03:30:00Z", sao)).toBe("closed until 2018-11-04T05:00Z");
  });
});

test.each([
  ["0 9 * * 8", "dayOfWeek: 8"],
  ["0 9 * *", "five"],
  ["0 0 9 * * *", "5 parts"],
  ["0 0 30 2 *", "never comes"],
  ["soon", "five"],
])("a schedule %j is refused, with the reason", (cron, why) => {
  expect(scheduleFault(cron)).toContain(why);
});

test("schedules and time zones that exist are taken", () => {
  for (const cron of ["0 9 * * 1-5", "*/15 8-17 * * MON-FRI", "@daily", "0 9 L * *"]) {
    expect(scheduleFault(cron)).toBeUndefined();
  }
  for (const zone of ["UTC", "Europe/Berlin", "America/Sao_Paulo"])
    expect(timeZoneFault(zone)).toBeUndefined();
  expect(timeZoneFault("Mars/Phobos")).toContain('no time zone "Mars/Phobos"');
});
