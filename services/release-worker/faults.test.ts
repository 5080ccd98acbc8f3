import { describe, expect, test } from "vitest";

import { createFault, faultPoints } from "./faults.ts";

function armed(spec: string | undefined) {
  const sent: string[] = [];
  return { fault: createFault(spec, (signal, reach) => void sent.push(`${signal} to the ${reach}`)), sent };
}

describe("a fault", () => {
  test.each(faultPoints)("kills at %s, once, and nowhere else", (point) => {
    const { fault, sent } = armed(`${point}:kill`);
    for (const other of faultPoints.filter((known) => known !== point)) fault(other);
    expect(sent).toEqual([]);
    fault(point);
    fault(point);
    expect(sent).toEqual(["SIGKILL to the process"]);
  });
  test.each([
    ["kill-group", "SIGKILL to the group"],
    ["freeze", "SIGSTOP to the process"],
  ])("may %s instead", (action, expected) => {
    const { fault, sent } = armed(`after-push:${action}`);
    fault("after-push");
    expect(sent).toEqual([expected]);
  });
});

test.each([undefined, ""])("without a spec (%j) nothing happens anywhere", (spec) => {
  const { fault, sent } = armed(spec);
  faultPoints.forEach(fault);
  expect(sent).toEqual([]);
});

test.each([
  "after-push",
  "after-push:",
  "after-push:stop",
  "after-push:constructor",
  "nowhere:kill",
  "after-push:kill:twice",
  ":kill",
])("%j is refused at start, with the points there are", (spec) => {
  expect(() => armed(spec)).toThrow(
    expect.objectContaining({ code: "SETTINGS_INVALID", hint: expect.stringContaining("before-apply") }),
  );
});
