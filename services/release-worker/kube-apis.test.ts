import { expect, test } from "vitest";

import type { KubeApi, KubeRequest } from "#common/kit/kube.ts";
import { createRedactor } from "#common/kit/redactor.ts";
import { messageOf, refusalOf } from "./environment/apply-answers.ts";
import { withoutSecrets } from "./kube-apis.ts";

const canary = 'git-token "of" Slipway';
const asked: KubeRequest = { method: "PATCH", path: "/apis/apps/v1/namespaces/shop/deployments/web" };

function answering(status: number, body: unknown): KubeApi {
  const redactor = createRedactor();
  redactor.add(canary);
  const request = async () => ({ status, body, headers: new Headers() });
  return withoutSecrets({ server: "https://one", request } as unknown as KubeApi, (text) =>
    redactor.redact(text),
  );
}

test("what an admission webhook writes into its refusal tells no secret that the worker knows", async () => {
  const message = `admission webhook "look" denied the request: ${canary}`;
  const causes = [{ reason: "FieldManagerConflict", message: `conflict with "${canary}"`, field: ".spec" }];
  const answer = await answering(403, { status: "Failure", message, code: 403, details: { causes } }).request(
    asked,
  );
  expect(messageOf(answer)).toBe('admission webhook "look" denied the request: [redacted]');
  expect(refusalOf(answer, "deploy/web.yaml").code).toBe("APPLY_REFUSED");
  expect(answer.body).toMatchObject({ code: 403, details: { causes: [{ field: ".spec" }] } });
  expect(JSON.stringify(answer.body)).not.toContain("git-token");
  expect((await answering(502, `proxy: ${canary}`).request(asked)).body).toBe("proxy: [redacted]");
});

test("objects are told as they are, and the server's address is the newest", async () => {
  const body = { metadata: { annotations: { note: canary } } };
  expect((await answering(200, body).request(asked)).body).toBe(body);
  let server = "https://one";
  const moving = {
    get server() {
      return server;
    },
  } as unknown as KubeApi;
  const kube = withoutSecrets(moving, (text) => text);
  server = "https://two";
  expect(kube.server).toBe("https://two");
});
