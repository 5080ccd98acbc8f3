import { expect, test } from "vitest";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import type { KubeRequest, KubeResponse } from "#common/kit/kube.ts";

import { checkCluster } from "./check-cluster.ts";
import { neededRights } from "./needed-rights.ts";

function environment(more: Partial<EnvironmentSettings> = {}): EnvironmentSettings {
  return { mode: "apply", cluster: { kubeconfig: "k", inCluster: false }, ...more } as EnvironmentSettings;
}

interface Attributes {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

/** An API server that allows all but what `denies` says. */
function server(denies: (asked: Attributes) => boolean = () => false) {
  const asked: Attributes[] = [];
  const answer = (status: number, body: unknown): KubeResponse => ({ status, body, headers: new Headers() });
  const request = async ({ path, body }: KubeRequest): Promise<KubeResponse> => {
    if (path === "/version") return answer(200, { gitVersion: "v1.34.2" });
    if (path === "/api/v1/namespaces") return answer(403, { kind: "Status", message: "may not list" });
    const { spec } = body as { spec: { resourceAttributes: Attributes } };
    asked.push(spec.resourceAttributes);
    const refused = denies(spec.resourceAttributes);
    return answer(201, { status: { allowed: !refused, reason: refused ? "no rule" : "" } });
  };
  return { asked, connect: async () => ({ request }) };
}

test("asks for each act of the mode, and tells what is refused", async () => {
  const { connect, asked } = server(({ verb, resource }) => verb === "patch" && resource === "statefulsets");
  const { reach, version, rights, namespaces } = await checkCluster(connect, environment());
  expect([reach?.ok, version, namespaces]).toEqual([true, "v1.34.2", undefined]);
  expect(rights.filter((right) => !right.allowed)).toEqual([
    {
      verb: "patch",
      group: "apps",
      resource: "statefulsets",
      namespace: "",
      allowed: false,
      neededFor: "releasing",
      required: true,
      reason: "no rule",
    },
  ]);
  expect(asked).toContainEqual({ verb: "get", group: "", resource: "pods", subresource: "log" });
});

test("asks per namespace where the settings name them, and for no write where nothing is written", () => {
  const named = neededRights(environment({ namespaces: { allow: ["shop", "web"] } }));
  expect(new Set(named.map(({ namespace }) => namespace))).toEqual(new Set(["shop", "web"]));
  const patterns = neededRights(environment({ namespaces: { allow: ["team-*"] } }));
  expect(new Set(patterns.map(({ namespace }) => namespace))).toEqual(new Set([""]));
  for (const mode of ["observe", "hand-off"] as const) {
    const verbs = neededRights(environment({ mode })).map(({ verb }) => verb);
    expect(verbs.filter((verb) => verb === "patch" || verb === "create")).toEqual([]);
  }
});

test("reads what an owner applied where releases are handed off, and annotates owners where that is wanted", () => {
  const handOff = neededRights(environment({ mode: "hand-off" }));
  expect(handOff.filter(({ neededFor }) => neededFor === "releasing")).toContainEqual({
    verb: "get",
    group: "apps",
    resource: "deployments",
    namespace: "",
    neededFor: "releasing",
    required: true,
  });
  const nudging = (mode: EnvironmentSettings["mode"]) =>
    neededRights(environment({ mode, nudgeOwners: true })).filter(({ neededFor }) => neededFor === "nudging");
  expect(nudging("hand-off")).toHaveLength(8);
  expect(nudging("observe")).toEqual([]);
});

test("a sync on every change has to create; a watcher inside the cluster has an account of its own", () => {
  const create = neededRights(environment({ sync: "on-change" })).filter(({ verb }) => verb === "create");
  expect(create.every(({ required }) => required)).toBe(true);
  const inside = neededRights(environment({ cluster: { inCluster: true } }));
  expect(new Set(inside.map(({ neededFor }) => neededFor))).toEqual(new Set(["releasing", "syncing"]));
});

test("a refused credential and an API server that is away are told as such", async () => {
  const refuse = async () => ({
    request: async () => ({ status: 401, body: { message: "Unauthorized" }, headers: new Headers() }),
  });
  expect((await checkCluster(refuse, environment())).reach).toMatchObject({
    ok: false,
    code: "CLUSTER_AUTH_FAILED",
    detail: "Unauthorized",
  });
  const away = async () => {
    throw new SlipwayError("CLUSTER_UNAVAILABLE", { detail: "connection refused" });
  };
  expect(await checkCluster(away, environment())).toMatchObject({
    reach: { ok: false, code: "CLUSTER_UNAVAILABLE", detail: "connection refused" },
    rights: [],
  });
});
