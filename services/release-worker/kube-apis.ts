import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { createKubeApi, type KubeApi, type KubeResponse } from "#common/kit/kube.ts";
import type { Service } from "#common/kit/lifecycle.ts";
import type { Redactor } from "#common/kit/redactor.ts";

export interface KubeApis extends Service {
  readonly of: (environment: EnvironmentSettings) => Promise<KubeApi>;
}

/** One connection per environment's cluster, made when it is first needed. */
export function createKubeApis(redactor: Redactor): KubeApis {
  const apis = new Map<string, Promise<KubeApi>>();
  return {
    name: "kube-apis",
    of(environment) {
      const known = apis.get(environment.name);
      if (known !== undefined) return known;
      const allowExec = environment.cluster.allowExec === true;
      const opened = createKubeApi(environment.cluster, { allowExec });
      const made = opened.then((kube) => withoutSecrets(kube, (text) => redactor.redact(text)));
      apis.set(environment.name, made);
      // A kubeconfig that is mended later must work without a restart.
      made.catch(() => apis.delete(environment.name));
      return made;
    },
    async stop() {
      for (const api of apis.values()) await (await api).close();
    },
  };
}

/**
 * The API server's refusals end up in jobs and steps, and admission webhooks write into them what they
 * like: no secret that this process knows. What it tells of objects stays as it is.
 */
export function withoutSecrets(kube: KubeApi, redact: (text: string) => string): KubeApi {
  return {
    ...kube,
    get server() {
      return kube.server;
    },
    async request(request) {
      const answer = await kube.request(request);
      return answer.status < 400 ? answer : { ...answer, body: refusalWithout(answer.body, redact) };
    },
  };
}

function refusalWithout(body: KubeResponse["body"], redact: (text: string) => string): unknown {
  if (typeof body === "string") return redact(body);
  if (Array.isArray(body)) return body.map((part: unknown) => refusalWithout(part, redact));
  if (typeof body !== "object" || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, refusalWithout(value, redact)]));
}
