import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeApi, KubeResponse } from "#common/kit/kube.ts";
import type { ClusterTrial, Namespaces, Right } from "#proto/slipway/release/v1/release.ts";
import { messageOf } from "../environment/apply-answers.ts";
import { neededRights, type NeededRight } from "./needed-rights.ts";
import { attempt } from "./trial.ts";

type Asked = Pick<KubeApi, "request">;

/** An API server that takes longer is away. */
const answerMs = 10_000;
/** Questions asked at once. */
const concurrency = 8;

/** Whether the API server answers, which version it is, and what it would allow us. */
export async function checkCluster(
  connect: () => Promise<Asked>,
  environment: EnvironmentSettings,
): Promise<ClusterTrial> {
  const reached = await attempt(async () => {
    const kube = await connect();
    return { kube, version: await readVersion(kube) };
  });
  if (reached.value === undefined) {
    return { reach: reached.trial, version: "", rights: [], namespaces: undefined };
  }
  const { kube, version } = reached.value;
  const asked = await attempt(() => askRights(kube, neededRights(environment)));
  const namespaces = await attempt(() => readNamespaces(kube));
  const refused = asked.value === undefined ? asked.trial : undefined;
  return {
    reach: refused ?? reached.trial,
    version,
    rights: asked.value ?? [],
    namespaces: namespaces.value,
  };
}

async function readVersion(kube: Asked): Promise<string> {
  const answer = await kube.request({ method: "GET", path: "/version", timeoutMs: answerMs });
  const { gitVersion } = must(answer) as { gitVersion?: unknown };
  return typeof gitVersion === "string" ? gitVersion : "";
}

const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

async function askRights(kube: Asked, needed: readonly NeededRight[]): Promise<Right[]> {
  const rights: Right[] = [];
  for (let from = 0; from < needed.length; from += concurrency) {
    const some = needed.slice(from, from + concurrency);
    rights.push(...(await Promise.all(some.map((right) => askRight(kube, right)))));
  }
  return rights;
}

interface Review {
  readonly status?: {
    readonly allowed?: boolean;
    readonly reason?: string;
    readonly evaluationError?: string;
  };
}

async function askRight(kube: Asked, right: NeededRight): Promise<Right> {
  const { verb, group, namespace } = right;
  const [resource, subresource] = right.resource.split("/", 2);
  const resourceAttributes = {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== "" && { namespace }),
  };
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes },
  };
  const answer = await kube.request({ method: "POST", path: reviews, body, timeoutMs: answerMs });
  const { allowed = false, reason = "", evaluationError = "" } = (must(answer) as Review).status ?? {};
  return { ...right, allowed, reason: (evaluationError === "" ? reason : evaluationError).slice(0, 500) };
}

const mostNamespaces = 5_000;

async function readNamespaces(kube: Asked): Promise<Namespaces> {
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const query = { limit: String(mostNamespaces) };
  const path = "/api/v1/namespaces";
  const answer = must(await kube.request({ method: "GET", path, query, accept, timeoutMs: answerMs }));
  const { items = [] } = answer as { items?: readonly { metadata?: { name?: string } }[] };
  return { names: items.flatMap(({ metadata }) => metadata?.name ?? []) };
}

function must(answer: KubeResponse): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  const said = messageOf(answer);
  throw answer.status === 401
    ? new SlipwayError("CLUSTER_AUTH_FAILED", { detail: said })
    : new SlipwayError("CLUSTER_UNAVAILABLE", { detail: said });
}
