import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeAddress, KubeApi } from "./kube-types.ts";

/** An object of a kind that clusters serve in one version or another; the best version is first. */
export interface VersionedAddress extends Omit<KubeAddress, "apiVersion"> {
  readonly group: string;
  readonly versions: readonly string[];
}

/** Where the first version that the cluster serves is found; undefined when it serves none of them. */
export async function servedPath(
  api: Pick<KubeApi, "objectPath">,
  { group, versions, ...address }: VersionedAddress,
): Promise<string | undefined> {
  for (const version of versions) {
    try {
      return await api.objectPath({ ...address, apiVersion: `${group}/${version}` });
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code !== "KIND_UNKNOWN") throw error;
    }
  }
  return undefined;
}
