import { expect, test } from "vitest";

import { stepName } from "./step-name.ts";

test.each([
  ["Clone the config repo.", "clone"],
  ["Commit and push the config repo.", "push"],
  ["Rollout of shop/front-end.", "rollout"],
  ["Waiting for approval by bob.", "wait"],
  ["Update 1 images(s) in the resource definition file for shop/front-end: web.", "other"],
])("%s is called %s", (text, name) => {
  expect(stepName(text)).toBe(name);
});
