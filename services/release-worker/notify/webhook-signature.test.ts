import { expect, test } from "vitest";

import { webhookHeaders } from "./webhook-signature.ts";

// The example of the Standard Webhooks convention.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const sent = {
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  at: new Date(1_614_265_330_000),
  body: '{"test": 2432232314}',
};

test("signs as receivers with a library of the convention check", () => {
  expect(webhookHeaders(secret, sent)).toEqual({
    "webhook-id": sent.id,
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("takes a secret without the prefix as it is, and another signature for another body", () => {
  const plain = webhookHeaders("correct horse", sent)["webhook-signature"];
  expect(plain).not.toBe(webhookHeaders(secret, sent)["webhook-signature"]);
  expect(plain).not.toBe(webhookHeaders("correct horse", { ...sent, body: "{}" })["webhook-signature"]);
});
