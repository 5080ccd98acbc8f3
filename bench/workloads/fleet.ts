import { laneKey } from "#common/domain/git-url.ts";
import { replaceDeclared } from "#common/store/manifests.ts";
import type { Store } from "#common/store/store.ts";
import { runSql } from "#support/postgres.ts";
import { OwnerKind, RolloutPhase, Workload } from "#proto/slipway/cluster/v1/cluster.ts";

/** Everything that is known of environments of many workloads, each of an image of its own. */

export interface Fleet {
  /** Also the environment's name: `n1000`. */
  readonly name: string;
  readonly size: number;
}

export const tagsPerImage = 15;
const namespaces = 40;
const running = Math.floor(tagsPerImage / 2);
const git = { branch: "main", paths: ["deploy"] };

/** The environment's settings. */
export function fleetSettings({ name }: Fleet, kubeconfig: string) {
  return {
    name,
    mode: "apply",
    cluster: { kubeconfig },
    git: { ...git, url: `https://git.example.com/${name}.git` },
  };
}

/** What the fleet's cluster runs. */
export function fleetWorkloads(fleet: Fleet): Workload[] {
  return each(fleet, (name, namespace) =>
    Workload.fromPartial({
      namespace,
      kind: "deployment",
      name,
      uid: name,
      generation: 3n,
      observedGeneration: 3n,
      containers: [{ name: "main", image: `${imageOf(fleet, name)}:${tagOf(running)}` }],
      rollout: {
        phase: RolloutPhase.ROLLOUT_PHASE_COMPLETE,
        desired: 3,
        updated: 3,
        ready: 3,
        available: 3,
      },
      owner: { kind: OwnerKind.OWNER_KIND_SLIPWAY, name: fleet.name },
      labels: {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": namespace,
        "app.kubernetes.io/version": tagOf(running),
      },
    }),
  );
}

export interface FilledStore {
  readonly store: Store;
  readonly databaseUrl: string;
}

/** Stores what git declares and what the registries hold. */
export async function fillStore({ store, databaseUrl }: FilledStore, fleet: Fleet): Promise<void> {
  const rows = each(fleet, (name, namespace) => ({
    workload: `${namespace}:deployment/${name}`,
    path: `deploy/${namespace}/${name}.yaml`,
    document: 1,
    line: 4,
    blob_oid: name,
    containers: [
      {
        name: "main",
        image: `${imageOf(fleet, name)}:${tagOf(running)}`,
        init: false,
        editable: true,
        reason: null,
      },
    ],
    policies: { automated: false, locked: false, ignore: false, hold: null, tags: { main: "semver:~1" } },
    repositories: [imageOf(fleet, name)],
  }));
  await replaceDeclared(store.db, {
    environment: fleet.name,
    laneId: laneKey(fleetSettings(fleet, "").git.url, git.branch),
    commit: "9c1e2f4000000000000000000000000000000000",
    changedPaths: [],
    removedPaths: [],
    rows,
    faults: [],
  });
  await fillImages(databaseUrl, fleet);
}

/** By hand: the scanner's own way is a statement for each of them. */
async function fillImages(databaseUrl: string, { name }: Fleet): Promise<void> {
  const tags = `generate_series(0, ${tagsPerImage - 1}) as n`;
  const keys = `(select distinct unnest(repositories) as key from declared_workloads where environment = '${name}') as k`;
  const statements = [
    `insert into image_repositories (key, wanted_at, scanned_at, due_at, complete)
      select key, clock_timestamp(), clock_timestamp(), null, true from ${keys}`,
    `insert into image_manifests (digest, media_type, kind, created_at)
      select 'sha256:' || key || '-' || n, 'application/vnd.oci.image.manifest.v1+json', 'image',
        timestamptz '2026-01-01' + n * interval '1 day' from ${keys}, ${tags}`,
    `insert into image_tags (repository, tag, digest, digest_seen_at)
      select key, '1.' || n || '.0', 'sha256:' || key || '-' || n, clock_timestamp() from ${keys}, ${tags}`,
    "analyze",
  ];
  for (const statement of statements) await runSql(databaseUrl, statement);
}

function each<T>({ size }: Fleet, make: (name: string, namespace: string) => T): T[] {
  return Array.from({ length: size }, (_, index) => {
    const number = String(index + 1).padStart(5, "0");
    return make(`service-${number}`, `team-${String(index % namespaces).padStart(2, "0")}`);
  });
}

function imageOf({ name }: Fleet, service: string): string {
  return `registry.example.com/${name}/${service}`;
}

function tagOf(number: number): string {
  return `1.${number}.0`;
}
