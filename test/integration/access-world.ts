import { randomBytes } from "node:crypto";

import type { Role, Scope } from "#common/domain/access.ts";
import { newUuidV7 } from "#common/kit/uuid.ts";
import { replaceDeclared } from "#common/store/manifests.ts";
import { addToken } from "#common/store/tokens.ts";

import { hashToken } from "../../services/api/access/token-secret.ts";
import { freshView } from "./api-peers.fake.ts";
import { startApiBox } from "./api-box.ts";
import type { ApiBox } from "./api-box.ts";

/** Two environments; in `default` the shop, and a vault that not everybody may know of. */
export interface AccessWorld {
  readonly box: ApiBox;
  /** A token of this role and scope. */
  token(role: Role, scope?: Scope, more?: { name?: string; groups?: string[] }): Promise<string>;
  /** A job that an admin asked for and cancelled: it touches these workloads. */
  cancelledJob(...workloads: string[]): Promise<string>;
}

const git = { url: "https://git.example.com/shop/config.git", branch: "main", paths: ["deploy"] };

const environments = [
  { name: "default", cluster: { inCluster: true }, git, mode: "apply" },
  { name: "other", cluster: { inCluster: true }, git: { ...git, branch: "other" }, mode: "apply" },
];

export const shop = "sock-shop:deployment/front-end";
export const vault = "vault:deployment/secret";

export async function startAccessWorld(options: {
  databaseUrl: string;
  oidc?: unknown;
}): Promise<AccessWorld> {
  const box = await startApiBox({ ...options, environments });
  await declareShopAndVault(box);
  box.peers.view = freshView;
  box.peers.running.push(running("sock-shop", "front-end"), running("vault", "secret"));
  return {
    box,
    token: async (role, scope = {}, { name = `${role} robot`, groups = [] } = {}) => {
      const token = `test_${randomBytes(20).toString("hex")}`;
      const row = { id: newUuidV7(), hash: hashToken(token), name, role, scope, groups };
      await addToken(box.store.db, row);
      return token;
    },
    cancelledJob: async (...workloads) => {
      const body = {
        environment: "default",
        workloads,
        images: "latest",
        message: `about ${workloads.join()}`,
      };
      const made = await box.call("POST", "/v1/releases", { body });
      const id = String(made.body["id"]);
      await box.call("POST", `/v1/jobs/${id}/cancel`);
      return id;
    },
  };
}

function running(namespace: string, name: string) {
  const containers = [{ name, image: `example/${name}:1`, init: false }];
  return { namespace, kind: "deployment", name, containers };
}

async function declareShopAndVault(box: ApiBox): Promise<void> {
  const rows = [shop, vault].map((workload, at) => {
    const name = workload.split("/")[1] ?? "";
    return {
      workload,
      path: `deploy/${name}.yaml`,
      document: 1,
      line: 1,
      blob_oid: String(at),
      containers: [{ name, image: `example/${name}:1`, init: false, editable: true, reason: null }],
      policies: { automated: false, locked: false, ignore: false, hold: null, tags: {} },
      repositories: [`docker.io/example/${name}`],
    };
  });
  const faults = [{ path: "deploy/vault-plans.yaml", line: 1, message: "does not parse" }];
  await replaceDeclared(box.store.db, {
    environment: "default",
    laneId: box.laneId,
    commit: "9c1e2f4",
    changedPaths: rows.map((row) => row.path),
    removedPaths: [],
    rows,
    faults,
  });
}
