import { expect, test } from "vitest";

import { createFakeClock } from "#common/testing/fake-clock.ts";

import { createReadyzProbe } from "./kube-probe.ts";
import type { KubeResponse } from "./kube-types.ts";

test("a probe grows old while answers fail, and tells when one succeeds again", async () => {
  const clock = createFakeClock();
  const answers = [200, 500, new Error("ECONNREFUSED"), 200];
  const api = {
    request: async (): Promise<KubeResponse> => {
      const answer = answers.shift() ?? 200;
      if (answer instanceof Error) throw answer;
      return { status: answer, body: "", headers: new Headers() };
    },
  };
  const probe = createReadyzProbe({ api, clock });
  let recovered = 0;
  probe.onRecovered(() => (recovered += 1));
  expect(probe.ageMs()).toBe(Infinity);
  probe.start();
  await clock.untilSomeoneSleeps();
  expect(probe.ageMs()).toBe(0);
  await clock.advance(4_000);
  expect(probe.ageMs()).toBe(4_000);
  expect(probe.lastError()).toBeInstanceOf(Error);
  expect(recovered).toBe(0);
  await clock.advance(2_000);
  expect(probe.ageMs()).toBe(0);
  expect(recovered).toBe(1);
  await probe.stop();
});
