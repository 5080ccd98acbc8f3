import { badRequest } from "./errors.ts";
import { numberAt, textAt, type JsonObject } from "./json.ts";
import { kubeTime, type KubeObject } from "./object.ts";

/** The bearer tokens the server takes. */
export interface Tokens {
  accepts(token: string): boolean;
  /** Answers a TokenRequest for a service account. */
  issue(account: KubeObject, request: JsonObject): JsonObject;
}

const issuedLimit = 1_000;

/** Tokens: the administrator's, and those issued to service accounts until they expire. */
export function createTokens(deps: {
  readonly adminToken: string;
  readonly now: () => Date;
  readonly newToken: () => string;
}): Tokens {
  const issued = new Map<string, number>();
  return {
    accepts(token) {
      if (token === deps.adminToken) return true;
      const expiresAt = issued.get(token);
      return expiresAt !== undefined && expiresAt > deps.now().getTime();
    },
    issue(account, request) {
      if (textAt(request, "kind") !== "TokenRequest") throw badRequest("the body is not a TokenRequest");
      const expirationSeconds = numberAt(request, "spec", "expirationSeconds") || 3600;
      const expiresAt = new Date(deps.now().getTime() + expirationSeconds * 1000);
      const token = deps.newToken();
      const [oldest] = issued.keys();
      if (issued.size >= issuedLimit && oldest !== undefined) issued.delete(oldest);
      issued.set(token, expiresAt.getTime());
      const { name, namespace = "", uid } = account.metadata;
      return {
        kind: "TokenRequest",
        apiVersion: "authentication.k8s.io/v1",
        metadata: { name, namespace, uid, creationTimestamp: kubeTime(deps.now()) },
        spec: { audiences: ["https://kubernetes.default.svc"], expirationSeconds, boundObjectRef: null },
        status: { token, expirationTimestamp: kubeTime(expiresAt) },
      };
    },
  };
}
