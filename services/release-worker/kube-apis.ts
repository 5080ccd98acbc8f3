import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { createKubeApi, type KubeApi } from "#common/kit/kube.ts";
import type { Service } from "#common/kit/lifecycle.ts";

export interface KubeApis extends Service {
  readonly of: (environment: EnvironmentSettings) => Promise<KubeApi>;
}

/** One connection per environment's cluster, made when it is first needed. */
export function createKubeApis(): KubeApis {
  const apis = new Map<string, Promise<KubeApi>>();
  return {
    name: "kube-apis",
    of(environment) {
      const known = apis.get(environment.name);
      if (known !== undefined) return known;
      const allowExec = environment.cluster.allowExec === true;
      const made = createKubeApi(environment.cluster, { allowExec });
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
