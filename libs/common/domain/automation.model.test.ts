import * as fc from "fast-check";
import { expect, test } from "vitest";

import { decideEnvironment, type EnvironmentFacts, type IndexedWorkload } from "./automation.ts";
import { gatesClosedFor } from "./automation-gates.ts";
import { proposeJobs, type Move } from "./automation-jobs.ts";
import { automationName, triesOf, type TriedContainer } from "./automation-tries.ts";
import { usualLimits } from "./decide.ts";
import { containerKey } from "./plan-choice.ts";
import { readPolicies } from "./policy.ts";
import type { ReleaseWindow } from "./windows.ts";

/**
 * Random histories against a model of everything around automation: registries, git, people, rollouts and
 * clocks that jump. What each decision sees is what the store would tell; what is asserted is written down
 * apart from `decide`.
 */

const names = ["a", "b", "c", "d"] as const;
type Name = (typeof names)[number];
/** The last two move together. */
const groupOf: Readonly<Partial<Record<Name, string>>> = { c: "pair", d: "pair" };
const minuteMs = 60_000;
const windows: readonly ReleaseWindow[] = [
  { kind: "allow", cron: "0 8 * * *", timeZone: "Europe/Berlin", durationMs: 12 * 60 * minuteMs },
];

type Event =
  | { readonly kind: "push"; readonly name: Name; readonly broken: boolean }
  | { readonly kind: "lock" | "unlock" | "lift" | "go-back"; readonly name: Name }
  | { readonly kind: "freeze" | "thaw" }
  | { readonly kind: "pass"; readonly minutes: number }
  | { readonly kind: "age"; readonly what: "cluster" | "images" | "none" }
  | { readonly kind: "cancel" | "land" | "refuse" };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant("push" as const), name: fc.constantFrom(...names), broken: fc.boolean() }),
  fc.record({
    kind: fc.constantFrom("lock" as const, "unlock" as const, "lift" as const, "go-back" as const),
    name: fc.constantFrom(...names),
  }),
  fc.record({ kind: fc.constantFrom("freeze" as const, "thaw" as const, "thaw" as const) }),
  fc.record({ kind: fc.constant("pass" as const), minutes: fc.integer({ min: 0, max: 400 }) }),
  fc.record({
    kind: fc.constant("age" as const),
    what: fc.constantFrom("cluster" as const, "images" as const, "none" as const, "none" as const),
  }),
  fc.record({ kind: fc.constantFrom("cancel" as const, "land" as const, "refuse" as const) }),
);

interface Held {
  readonly workload: string;
  readonly container: string;
  readonly image: string;
  readonly reason: string;
}

class Shop {
  nowMs = Date.UTC(2026, 2, 28, 10);
  tags = new Map<Name, { tag: number; broken: boolean }[]>(
    names.map((name) => [name, [{ tag: 1, broken: false }]]),
  );
  git = new Map<Name, number>(names.map((name) => [name, 1]));
  locked = new Set<Name>();
  frozen = false;
  stale: "cluster" | "images" | "none" = "none";
  holds = new Map<Name, Held>();
  lifted = new Map<string, Date>();
  rows: TriedContainer[] = [];
  open: { readonly id: string; readonly moves: readonly Move[] } | undefined;
  jobs = 0;
  /** How often each image was brought since the last word of a person on its workload. */
  brought = new Map<string, number>();

  declared(): readonly IndexedWorkload[] {
    return names.map((name) => {
      const group = groupOf[name];
      const policies = readPolicies({
        "slipway.dev/automated": "true",
        [`slipway.dev/tag.${name}`]: "semver:*",
        ...(this.locked.has(name) && { "slipway.dev/locked": "true" }),
        ...(group !== undefined && { "slipway.dev/group": group }),
      });
      const id = { namespace: "shop", kind: "deployment", name };
      const containers = [{ name, image: imageOf(name, this.git.get(name) ?? 1), editable: true }];
      return { id, labels: {}, containers, policies, path: `${name}.yaml`, policyFaults: [] };
    });
  }

  isOpen(): boolean {
    const around = { windows, freezes: [], now: new Date(this.nowMs) };
    return !this.frozen && gatesClosedFor("shop", around).length === 0;
  }

  facts(): EnvironmentFacts {
    const now = new Date(this.nowMs);
    const freezes = this.frozen ? [{ namespace: null, reason: "f", by: "ada", until: null }] : [];
    return {
      automation: "on",
      rules: [],
      declared: this.declared(),
      running: new Set(names.map(idOf)),
      clusterAgeMs: this.stale === "cluster" ? 90_000 : 0,
      repositories: new Map(
        names.map((name) => [
          `docker.io/library/${name}`,
          {
            ageMs: this.stale === "images" ? 2 * 3_600_000 : 0,
            images: (this.tags.get(name) ?? []).map(({ tag }) => ({ tag: `1.${tag}.0` })),
          },
        ]),
      ),
      holds: [...this.holds.values()],
      gatesOf: (namespace) => gatesClosedFor(namespace, { windows, freezes, now }),
      busy: new Map(this.open?.moves.map(({ workload }) => [workload, this.open?.id ?? ""])),
      tries: triesOf(this.rows, this.lifted),
      now,
      limits: usualLimits,
    };
  }

  decide(): void {
    // No two things happen at once.
    this.nowMs += 1;
    const facts = this.facts();
    const decided = decideEnvironment(facts);
    for (const { decision } of decided) {
      for (const { container, to, toHold } of decision.containers) {
        if (toHold === undefined || to === undefined || this.holds.has(container as Name)) continue;
        const { workload } = decision;
        this.holds.set(container as Name, { workload, container, image: to, reason: toHold.why });
      }
    }
    const { jobs } = proposeJobs({
      decided,
      waiting: [],
      approvals: [],
      tried: new Set(facts.tries?.keys()),
      heldBack: new Set(),
    });
    for (const moves of jobs) this.begin(moves);
  }

  begin(moves: readonly Move[]): void {
    this.nowMs += 1;
    this.jobs += 1;
    for (const move of moves) {
      const name = move.container as Name;
      // No job against a policy, a gate, a hold, or on facts that are too old.
      expect(this.locked.has(name)).toBe(false);
      expect(this.holds.has(name)).toBe(false);
      expect(this.isOpen()).toBe(true);
      expect(this.stale).toBe("none");
      expect(this.open?.moves.some(({ container }) => container === name) ?? false).toBe(false);
      // Never down, and never what is there.
      expect(tagOf(move.to)).toBeGreaterThan(this.git.get(name) ?? 0);
      const count = (this.brought.get(move.to) ?? 0) + 1;
      this.brought.set(move.to, count);
      expect(count).toBeLessThanOrEqual(2);
      const group = groupOf[name];
      if (group === undefined) continue;
      // Of a group, whoever has something newer is in the same job.
      for (const mate of names.filter(
        (one) => groupOf[one] === group && this.newest(one) > (this.git.get(one) ?? 0),
      ))
        expect(moves.map(({ container }) => container)).toContain(mate);
    }
    const id = `0000000${this.jobs}`.slice(-8);
    if (this.open === undefined) this.open = { id, moves };
    // Others of the same moment end at once, before they reach git: the API server refuses them.
    else this.end({ id, moves }, "refused");
  }

  newest(name: Name): number {
    return Math.max(...(this.tags.get(name) ?? []).map(({ tag }) => tag));
  }

  end(job: { id: string; moves: readonly Move[] }, how: "landed" | "cancelled" | "refused"): void {
    const bad = job.moves.filter(({ container, to }) =>
      this.tags.get(container as Name)?.some(({ tag, broken }) => broken && tag === tagOf(to)),
    );
    const badGroups = new Set(bad.flatMap(({ group }) => group ?? []));
    for (const move of job.moves) {
      const name = move.container as Name;
      const fails = bad.includes(move);
      const stays = !fails && (move.group === undefined || !badGroups.has(move.group));
      if (how === "landed" && stays) this.git.set(name, tagOf(move.to));
      if (how === "landed" && fails)
        this.holds.set(name, {
          workload: move.workload,
          container: name,
          image: move.to,
          reason: "it failed",
        });
      if (how === "landed" && bad.length === 0) continue;
      this.rows.push({
        workload: move.workload,
        container: name,
        image: move.to,
        job: job.id,
        outcome: how === "landed" ? "rolled-back" : how === "cancelled" ? "cancelled" : "failed",
        code: how === "refused" ? "APPLY_REFUSED" : null,
        detail: null,
        cancelledBy: how === "cancelled" ? "ada" : null,
        rejectedBy: null,
        skipped: null,
        endedAt: new Date(this.nowMs),
      });
    }
  }

  lift(name: Name): void {
    this.nowMs += 1;
    this.holds.delete(name);
    this.lifted.set(containerKey({ workload: idOf(name), container: name }), new Date(this.nowMs));
    for (const { tag } of this.tags.get(name) ?? []) this.brought.delete(imageOf(name, tag));
  }

  happen(one: Event): void {
    switch (one.kind) {
      case "push":
        this.tags.get(one.name)?.push({ tag: this.newest(one.name) + 1, broken: one.broken });
        break;
      case "lock":
        if (this.open?.moves.every(({ container }) => container !== one.name) !== false)
          this.locked.add(one.name);
        break;
      case "unlock":
        this.locked.delete(one.name);
        break;
      case "lift":
        this.lift(one.name);
        break;
      case "go-back":
        this.goBack(one.name);
        break;
      case "freeze":
        this.frozen = true;
        break;
      case "thaw":
        this.frozen = false;
        break;
      case "pass":
        this.nowMs += one.minutes * minuteMs;
        break;
      case "age":
        this.stale = one.what;
        break;
      default:
        this.over(endings[one.kind]);
    }
  }

  over(how: "landed" | "cancelled" | "refused"): void {
    const job = this.open;
    this.open = undefined;
    if (job !== undefined) this.end(job, how);
  }

  /** A person brings an older image: held, in the transaction of its commit. */
  goBack(name: Name): void {
    const now = this.git.get(name) ?? 1;
    if (now < 2 || this.open?.moves.some(({ container }) => container === name) === true) return;
    this.git.set(name, now - 1);
    const image = imageOf(name, now);
    this.holds.set(name, { workload: idOf(name), container: name, image, reason: "ada chose it by hand" });
    this.brought.delete(image);
  }
}

const endings = { cancel: "cancelled", land: "landed", refuse: "refused" } as const;

function idOf(name: Name): string {
  return `shop:deployment/${name}`;
}

function imageOf(name: Name, tag: number): string {
  return `${name}:1.${tag}.0`;
}

function tagOf(image: string): number {
  return Number(/:1\.(\d+)\.0$/.exec(image)?.[1]);
}

test("over random histories no job goes against a policy or in a loop, and what is eligible is released in the end", () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 30, maxLength: 80, size: "max" }), (history) => {
      const shop = new Shop();
      for (const one of history) {
        shop.happen(one);
        shop.decide();
      }
      // People mend everything: good images, no locks, no freezes, no holds.
      for (const name of names) {
        shop.happen({ kind: "push", name, broken: false });
        shop.happen({ kind: "unlock", name });
      }
      shop.happen({ kind: "thaw" });
      shop.happen({ kind: "age", what: "none" });
      shop.over("landed");
      for (const name of names) shop.lift(name);
      // Within days, by itself: windows open, pauses end.
      for (let hour = 0; hour < 60; hour += 3) {
        shop.happen({ kind: "pass", minutes: 180 });
        shop.decide();
        shop.over("landed");
      }
      for (const name of names) expect(shop.git.get(name)).toBe(shop.newest(name));
      const jobs = shop.jobs;
      shop.decide();
      expect(shop.jobs).toBe(jobs);
    }),
    { numRuns: 30 },
  );
});

test("what automation takes back itself speaks against nothing", () => {
  const row: TriedContainer = {
    workload: idOf("a"),
    container: "a",
    image: "a:1.2.0",
    job: "00000001",
    outcome: "cancelled",
    code: null,
    detail: null,
    cancelledBy: automationName,
    rejectedBy: null,
    skipped: null,
    endedAt: new Date(0),
  };
  expect(triesOf([row], new Map()).size).toBe(0);
});
