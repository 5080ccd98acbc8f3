import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { toSlipwayError } from "#common/domain/errors.ts";
import { commitsOfRevision, type OwnerName, type OwnerWord } from "#common/domain/owner.ts";
import { OwnerKind, type GetOwnerResponse, type Owner } from "#proto/slipway/cluster/v1/cluster.ts";
import type { WorkerDeps } from "../deps.ts";
import { isReachable, knowsCommit } from "../knows-commit.ts";

/** An owner's answer counts for so long: many workloads have one owner. */
const answerCountsMs = 2_000;
const mostRemembered = 1_000;

/** What one turn on an environment knows of the owners it waits for. */
export interface HandOffDesk {
  /** Its word of the last two seconds; why, where it cannot be had: not knowing is not failing. */
  ask(owner: OwnerName, workloadNamespace: string): Promise<OwnerAnswer>;
  /** The commit of a revision that contains ours; undefined where none does, or none is known. */
  containing(revision: string, ours: string): Promise<ContainingCommit>;
  /** Of which jobs which owners were asked to look at git: `job owner`. */
  readonly nudged: Set<string>;
}

export type OwnerAnswer =
  | { readonly kind: "told"; readonly told: GetOwnerResponse }
  | { readonly kind: "unknown"; readonly why: string };

export type ContainingCommit =
  | { readonly kind: "contained"; readonly commit: string }
  | { readonly kind: "not-contained" }
  | { readonly kind: "unknown"; readonly why: string };

type DeskDeps = Pick<WorkerDeps, "cluster" | "clock" | "log" | "gitOf">;

export function createHandOffDesk(deps: DeskDeps, environment: EnvironmentSettings): HandOffDesk {
  const answers = new Map<string, { atMs: number; answer: Promise<OwnerAnswer> }>();
  const memory = { ancestry: new Map<string, boolean>(), whole: new Map<string, string | undefined>() };
  return {
    nudged: new Set(),
    ask(owner, workloadNamespace) {
      const key = JSON.stringify([
        owner.kind,
        owner.objectKind,
        owner.namespace,
        owner.name,
        workloadNamespace,
      ]);
      const nowMs = deps.clock.monotonicMs();
      const known = answers.get(key);
      if (known !== undefined && nowMs - known.atMs < answerCountsMs) return known.answer;
      const answer = askNow(deps, { environment: environment.name, owner, workloadNamespace });
      answers.set(key, { atMs: nowMs, answer });
      return answer;
    },
    async containing(revision, ours) {
      try {
        return await findContaining({ git: deps.gitOf(environment), ...memory }, revision, ours);
      } catch (thrown) {
        const error = toSlipwayError(thrown);
        if (!error.code.startsWith("GIT_")) throw error;
        deps.log.warn("cannot see what an owner's revision contains", { error, revision });
        return { kind: "unknown", why: error.message };
      }
    },
  };
}

/** The owner as the watcher told it with the workload. */
export function ownerFromWire(owner: Owner | undefined): OwnerName {
  const { kind = OwnerKind.OWNER_KIND_NONE, objectKind = "", namespace = "", name = "" } = owner ?? {};
  return { kind: ownerWords[kind], objectKind, namespace, name };
}

const ownerWords: Readonly<Record<OwnerKind, OwnerWord>> = {
  [OwnerKind.OWNER_KIND_UNSPECIFIED]: "none",
  [OwnerKind.OWNER_KIND_NONE]: "none",
  [OwnerKind.OWNER_KIND_SLIPWAY]: "slipway",
  [OwnerKind.OWNER_KIND_FLUX]: "flux",
  [OwnerKind.OWNER_KIND_ARGO_CD]: "argo-cd",
  [OwnerKind.OWNER_KIND_HELM]: "helm",
  [OwnerKind.UNRECOGNIZED]: "none",
};

const ownerKinds: Readonly<Record<OwnerWord, OwnerKind>> = {
  none: OwnerKind.OWNER_KIND_NONE,
  slipway: OwnerKind.OWNER_KIND_SLIPWAY,
  flux: OwnerKind.OWNER_KIND_FLUX,
  "argo-cd": OwnerKind.OWNER_KIND_ARGO_CD,
  helm: OwnerKind.OWNER_KIND_HELM,
};

async function askNow(
  { cluster, log }: DeskDeps,
  asked: { environment: string; owner: OwnerName; workloadNamespace: string },
): Promise<OwnerAnswer> {
  const { environment, owner, workloadNamespace } = asked;
  const { kind, objectKind, namespace, name } = owner;
  const wire = { kind: ownerKinds[kind], objectKind, namespace, name };
  try {
    return {
      kind: "told",
      told: await cluster.getOwner({ environment, owner: wire, workloadNamespace }),
    };
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    log.warn("an owner cannot be asked", { error, environment, owner: `${namespace}/${name}` });
    return { kind: "unknown", why: error.message };
  }
}

interface Ancestry {
  readonly git: ReturnType<WorkerDeps["gitOf"]>;
  /** `commit ours` → whether the commit contains ours, as far as the host could tell when it was asked. */
  readonly ancestry: Map<string, boolean>;
  /** Abbreviated commits, as far as they could be told. */
  readonly whole: Map<string, string | undefined>;
}

async function findContaining(known: Ancestry, revision: string, ours: string): Promise<ContainingCommit> {
  for (const named of commitsOfRevision(revision)) {
    const commit = named.length === ours.length ? named : await wholeCommit(known, named, ours);
    if (commit !== undefined && (await contains(known, commit, ours))) return { kind: "contained", commit };
  }
  return { kind: "not-contained" };
}

/** A chart's version abbreviates its commit: it is ours, or the branch's tip, or one we need not know. */
async function wholeCommit({ git, whole }: Ancestry, named: string, ours: string) {
  if (ours.startsWith(named)) return ours;
  if (whole.has(named)) return whole.get(named);
  const tip = await git.fetchTip();
  const commit = tip.startsWith(named) ? tip : undefined;
  remember(whole, named, commit);
  return commit;
}

/** It may be of another branch, or pushed since we last fetched: fetched for once, and else not ours. */
async function contains({ git, ancestry }: Ancestry, commit: string, ours: string): Promise<boolean> {
  if (commit === ours) return true;
  const key = `${commit} ${ours}`;
  const remembered = ancestry.get(key);
  if (remembered !== undefined) return remembered;
  const known = (await knowsCommit(git, commit)) && (await knowsCommit(git, ours));
  if (!known) await git.fetchTip();
  const answer = await isReachable(git, ours, commit);
  remember(ancestry, key, answer);
  return answer;
}

function remember<T>(memory: Map<string, T>, key: string, answer: T): void {
  if (memory.size >= mostRemembered) memory.clear();
  memory.set(key, answer);
}
