import { afterAll, beforeAll, describe } from "vitest";

import { statesApplying } from "./cluster-applying.contract.ts";
import type { ClusterLab, ClusterUnderTest } from "./cluster-lab.ts";
import { openLab } from "./cluster-lab.ts";
import { statesObjects } from "./cluster-objects.contract.ts";
import { statesRollouts } from "./cluster-rollouts.contract.ts";
import { statesTroubles } from "./cluster-troubles.contract.ts";
import { statesWatching } from "./cluster-watching.contract.ts";

export type { ClusterUnderTest } from "./cluster-lab.ts";

/** What Slipway relies on of a Kubernetes API server and its controllers, stated through our own door. */
export function clusterContract(name: string, make: () => Promise<ClusterUnderTest>): void {
  describe(name, () => {
    let opened: ClusterLab | undefined;
    const lab = (): ClusterLab => {
      if (opened === undefined) throw new Error("the cluster did not start");
      return opened;
    };
    beforeAll(async () => {
      const cluster = await make();
      cluster.setOutcome((image) => outcomeOf(image));
      opened = await openLab(cluster);
    });
    afterAll(async () => {
      await opened?.api.close();
      await opened?.cluster.stop();
    });
    describe("objects", () => statesObjects(lab));
    describe("applying", () => statesApplying(lab));
    describe("rollouts", () => statesRollouts(lab));
    describe("troubles", () => statesTroubles(lab));
    describe("watching", () => statesWatching(lab));
  });
}

/** The image's name says what becomes of it: `test/crash:1` crashes. */
function outcomeOf(image: string) {
  const name = image.split("/").at(-1)?.split(":")[0];
  return outcomes.find((outcome) => outcome === name) ?? "ready";
}

const outcomes = ["crash", "out-of-memory", "never-ready", "pull-failure"] as const;
