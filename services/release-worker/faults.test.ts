import { describe, expect, test } from "vitest";

import { createFault, faultPoints } from "./faults.ts";

function armed(spec: string | undefined) {
  const signals: string[] = [];
  return { fault: createFault(spec, (name) => void signals.push(name)), signals };
}

describe("a fault", () => {
  test.each(faultPoints)("kills at %s, once, and nowhere else", (point) => {
    const { fault, signals } = armed(`${point}:kill`);
    for (const other of faultPoints.filter((known) => known !== point)) fault(other);
    expect(signals).toEqual([]);
    fault(point);
    fault(point);
    expect(signals).toEqual(["SIGKILL"]);
  });
  test("may freeze instead", () => {
    const { fault, signals } = armed("after-push:freeze");
    fault("after-push");
    expect(signals).toEqual(["SIGSTOP"]);
  });
});

test.each([undefined, ""])("without a spec (%j) nothing happens anywhere", (spec) => {
  const { fault, signals } = armed(spec);
  faultPoints.forEach(fault);
  expect(signals).toEqual([]);
});

test.each(["after-push", "after-push:", "after-push:stop", "nowhere:kill", "after-push:kill:twice", ":kill"])(
  "%j is refused at start, with the points there are",
  (spec) => {
    expect(() => armed(spec)).toThrow(
      expect.objectContaining({ code: "SETTINGS_INVALID", hint: expect.stringContaining("before-apply") }),
    );
  },
);
