import { describe, expect, test } from "vitest";

import { runCli } from "../program.ts";
import { createFakeIo, runSlipway } from "../testing/run.ts";

const tags = [
  { tag: "1.4.2", created: "2026-01-04T10:00:00Z" },
  { tag: "1.4.10", created: "2026-01-03T10:00:00Z", digest: `sha256:${"a".repeat(64)}` },
  { tag: "1.5.0-rc.1", created: "2026-01-05T10:00:00Z" },
  { tag: "main" },
  { tag: "latest", created: "2026-01-05T10:00:00Z" },
];

async function policyTest(args: readonly string[], stdin: unknown = tags) {
  const text = typeof stdin === "string" ? stdin : JSON.stringify(stdin);
  const io = createFakeIo(["policy", "test", ...args], { stdin: text });
  const code = await runCli(io);
  return { code, out: io.outLines.join("\n"), lines: io.outLines, err: io.errLines.join("\n") };
}

describe("policy test", () => {
  test("tells the chosen tag, and of every other one the reason, as a program reads it", async () => {
    const { code, out, err } = await policyTest(["--filter", "semver:~1.4", "-o", "json"]);
    expect(code).toBe(0);
    expect(err).toBe("");
    const digest = `sha256:${"a".repeat(64)}`;
    expect(JSON.parse(out)).toEqual({
      chosen: { tag: "1.4.10", created: "2026-01-03T10:00:00.000Z", digest },
      candidates: [
        { tag: "1.4.10", created: "2026-01-03T10:00:00.000Z", digest, order: 1, reason: "chosen" },
        { tag: "1.4.2", created: "2026-01-04T10:00:00.000Z", order: 2, reason: "lower-version" },
        { tag: "1.5.0-rc.1", created: "2026-01-05T10:00:00.000Z", order: 3, reason: "filtered-out" },
        { tag: "latest", created: "2026-01-05T10:00:00.000Z", order: 4, reason: "latest-excluded" },
        { tag: "main", created: null, order: 5, reason: "not-a-version" },
      ],
    });
  });

  test("chooses nothing where nothing matches, and that is no failure", async () => {
    const { code, out } = await policyTest(["--filter", "semver:>=9", "-o", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ chosen: null });
    expect(JSON.parse((await policyTest(["--filter", "*", "-o", "json"], [])).out)).toEqual({
      chosen: null,
      candidates: [],
    });
  });

  test("never goes below what runs", async () => {
    const { lines } = await policyTest(["--filter", "newest", "--current", "1.4.10"]);
    expect(lines).toEqual([
      "ORDER  TAG         CREATED              REASON",
      "1      1.5.0-rc.1  05 Jan 26 10:00 UTC  chosen",
      "2      1.4.10      03 Jan 26 10:00 UTC  older (current)",
      "3      main        ?                    no-created-time",
      "4      latest      05 Jan 26 10:00 UTC  latest-excluded",
      "5      1.4.2       04 Jan 26 10:00 UTC  downgrade",
    ]);
  });

  test("warns of a regular expression that matches in the middle", async () => {
    const { code, err } = await policyTest(["--filter", "regexp:1"]);
    expect(code).toBe(0);
    expect(err).toBe('Note: "regexp:1" matches in the middle of a tag too; write ^(?:1)$ to match all of it');
  });

  test("a date of a clock that stood at zero is no date", async () => {
    const { out } = await policyTest(
      ["--filter", "*", "-o", "json"],
      [{ tag: "a", created: "0001-01-01T00:00:00Z" }],
    );
    expect(JSON.parse(out)).toMatchObject({ chosen: { tag: "a", created: null } });
  });

  test.each([
    ["a filter", ["--filter", "semver:nonsense"], tags, "is not a version range"],
    ["a catastrophe", ["--filter", "regexp:(?=a)"], tags, "Perl syntax"],
    ["a current tag", ["--filter", "*", "--current", "a b"], tags, '"a b" cannot be a tag'],
    ["JSON", ["--filter", "*"], "[", "stdin is not JSON"],
    ["a list", ["--filter", "*"], {}, "stdin holds no list of tags"],
    ["tags", ["--filter", "*"], [{ tag: "a" }, { tag: "" }], "at 1.tag"],
  ])("refuses %s that cannot be read, with exit 2 and nothing on stdout", async (...[, args, stdin, why]) => {
    const { code, out, err } = await policyTest(args, stdin);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(why);
  });

  test("runs as a program", async () => {
    const ran = await runSlipway(["policy", "test", "--filter", "glob:1.*", "-o", "name"], {
      stdin: JSON.stringify(tags),
    });
    expect(ran).toMatchObject({ code: 0, out: "1.5.0-rc.1\n" });
  });
});
