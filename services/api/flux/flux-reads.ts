import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import type { Reach } from "#common/domain/access.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { findFluxPlan } from "#common/store/flux-plans.ts";
import { jobsAtCommit } from "#common/store/job-list.ts";
import { environmentTip } from "#common/store/manifests.ts";

import type { GetIdentityResponse } from "#proto/slipway/release/v1/release.ts";

import { seesOf } from "../access/allowed.ts";
import type { Principal } from "../access/principal.ts";
import { askWorker } from "../ask-worker.ts";
import type { ApiDeps } from "../deps.ts";
import { findJob } from "../find-job.ts";
import { readSeen } from "../routes/find-workloads.ts";
import type { LiveParts } from "../live-parts.ts";
import { createImagesOfMany } from "../read-images.ts";
import type { ImagesOfMany } from "../read-images.ts";
import { readGit } from "../views.ts";
import type { FluxGitConfig, FluxService, FluxServiceImages } from "./flux-answers.ts";
import { toFluxImages } from "./flux-images.ts";
import { isApplied, toFluxJob } from "./flux-jobs.ts";
import { toFluxServices } from "./flux-services.ts";

type FactDeps = ApiDeps & Pick<LiveParts, "lists">;
type ReadDeps = FactDeps & { readonly sees: Reach };

/** An environment, and what whoever asks sees of it. */
export interface Seen {
  readonly environment: EnvironmentSettings;
  readonly sees: Reach;
}

const everything = "<all>";
/** fluxctl cuts the list itself, and shows all of it where `-l 0` asks for that. */
const imagesAtMost = 10_000;
const exportedAtMost = 32 * 1024 * 1024;

/** Answers of the routes that change nothing. */
export function createFluxReads(deps: FactDeps) {
  const imagesOfMany = createImagesOfMany();
  return {
    services: (seen: Seen, asked: ServicesAsk) =>
      services({ ...deps, sees: seen.sees }, seen.environment, asked),
    images: (seen: Seen, asked: ImagesAsk) =>
      images({ ...deps, imagesOfMany, sees: seen.sees }, seen.environment, asked),
    job: (principal: Principal, id: string) => job(deps, principal, id),
    notApplied: (seen: Seen, ref: string) => notApplied(deps, seen, ref),
    exported: (environment: EnvironmentSettings, signal: AbortSignal) => exported(deps, environment, signal),
    gitConfig: (environment: EnvironmentSettings) => gitConfig(deps, environment),
  };
}

interface ServicesAsk {
  /** "" for all of them. */
  readonly namespace: string;
  /** Only these, as far as they are there. */
  readonly ids?: readonly string[];
}

async function services(
  deps: ReadDeps,
  environment: EnvironmentSettings,
  { ids, namespace }: ServicesAsk,
): Promise<readonly FluxService[]> {
  const { workloads, facts, age } = await readSeen(deps, environment);
  const found = workloads.filter(
    (one) => (namespace === "" || one.namespace === namespace) && (ids === undefined || ids.includes(one.id)),
  );
  const observed = environment.mode === "observe";
  const indexed = age.gitCommit !== null;
  return toFluxServices({ workloads: found, declared: facts.declared, observed, indexed });
}

interface ImagesAsk {
  readonly service: string;
  readonly namespace: string;
}

async function images(
  deps: ReadDeps & { readonly imagesOfMany: ImagesOfMany },
  environment: EnvironmentSettings,
  { service, namespace }: ImagesAsk,
): Promise<readonly FluxServiceImages[]> {
  const isAll = service === everything;
  if (!isAll && namespace !== "")
    throw new SlipwayError("INVALID_REQUEST", { detail: "name either a workload or a namespace" });
  const [read, now] = await Promise.all([readSeen(deps, environment), deps.store.now()]);
  const found = read.workloads.filter((one) =>
    isAll ? namespace === "" || one.namespace === namespace : one.id === service,
  );
  if (found.length === 0 && !isAll) {
    const detail = `${service} is neither declared in git nor running`;
    throw new SlipwayError("WORKLOAD_NOT_FOUND", { detail });
  }
  const { facts, images: known } = read;
  const { declared, nodes } = facts;
  const page = { limit: imagesAtMost, eligibleOnly: false };
  return toFluxImages(deps.imagesOfMany({ known, workloads: found, declared, nodes, now, page }));
}

/** As fluxctl polls it: a job, or the result of a dry run. */
async function job({ store }: FactDeps, principal: Principal, id: string): Promise<unknown> {
  if (!/^[0-9a-f-]{36}$/i.test(id)) throw new SlipwayError("JOB_NOT_FOUND", { detail: `"${id}"` });
  const plan = await findFluxPlan(store.db, id, principal.tokenId);
  return plan ?? toFluxJob(await findJob(store, id, seesOf({ principal })));
}

/** The commits up to `ref` that are not applied yet. */
async function notApplied(
  { store }: FactDeps,
  { environment: { name: environment }, sees }: Seen,
  ref: string,
): Promise<readonly string[]> {
  const [jobs, tip] = await Promise.all([
    jobsAtCommit(store.db, { environment, prefix: ref, within: sees }),
    environmentTip(store.db, environment),
  ]);
  if (jobs.length === 0 && tip?.commit_sha.startsWith(ref) !== true) {
    throw new SlipwayError("NOT_FOUND", {
      detail: `no job of ${environment} made or applied a commit ${ref}`,
      hint: "fluxctl sync applies what git says now",
    });
  }
  const waiting = jobs.filter((one) => !isApplied(one));
  return [...new Set(waiting.flatMap(({ commit_sha }) => commit_sha ?? []))];
}

/** A stream of YAML documents, in base64; JSON is YAML. */
async function exported(
  { cluster }: FactDeps,
  { name: environment }: EnvironmentSettings,
  signal: AbortSignal,
): Promise<string> {
  const documents: string[] = [];
  let length = 0;
  for await (const { object } of cluster.exportWorkloads({ environment }, { signal })) {
    length += object.length;
    if (length > exportedAtMost) {
      throw new SlipwayError("PAYLOAD_TOO_LARGE", {
        detail: `${environment} has more than ${exportedAtMost / 1024 / 1024} MiB of workloads`,
        hint: "kubectl get --output yaml tells them namespace by namespace",
      });
    }
    documents.push(object);
  }
  return Buffer.from(documents.join("\n---\n")).toString("base64");
}

async function gitConfig(deps: FactDeps, environment: EnvironmentSettings): Promise<FluxGitConfig> {
  const [{ commit, problem }, identity] = await Promise.all([
    readGit(deps, environment),
    askWorker(deps.workers, (worker) => worker.getIdentity({ environment: environment.name })),
  ]);
  const { url, branch, paths } = environment.git;
  const known = commit === null ? "new" : "ready";
  return {
    remote: { url: withoutPassword(url), branch, path: paths.join(",") },
    publicSSHKey: keyOf(identity),
    status: problem === null ? known : "unreachable",
    errors:
      problem === null ? "" : [problem.title, problem.detail].filter((text) => text !== null).join(": "),
  };
}

function keyOf({ publicKey, md5, sha256 }: GetIdentityResponse): FluxGitConfig["publicSSHKey"] {
  const fingerprints = md5 === undefined || sha256 === undefined ? null : { md5, sha256 };
  return { key: publicKey, fingerprints };
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z+]+:\/\/[^/@:]*):[^/@]*@/i, "$1@");
}
