import type { EnvironmentSettings } from "#common/contracts/settings.ts";
import { SlipwayError } from "#common/domain/errors.ts";
import { findFluxPlan } from "#common/store/flux-plans.ts";
import { jobsAtCommit } from "#common/store/job-list.ts";
import { environmentTip } from "#common/store/manifests.ts";

import type { GetIdentityResponse } from "#proto/slipway/release/v1/release.ts";

import { askWorker } from "../ask-worker.ts";
import type { ApiDeps } from "../deps.ts";
import { findJob } from "../find-job.ts";
import type { LiveParts } from "../live-parts.ts";
import { createImagesOfMany } from "../read-images.ts";
import { readGit } from "../views.ts";
import type { FluxGitConfig, FluxService, FluxServiceImages } from "./flux-answers.ts";
import { toFluxImages } from "./flux-images.ts";
import { isApplied, toFluxJob } from "./flux-jobs.ts";
import { toFluxServices } from "./flux-services.ts";

type ReadDeps = ApiDeps & Pick<LiveParts, "lists">;

const everything = "<all>";
/** fluxctl cuts the list itself, and shows all of it where `-l 0` asks for that. */
const imagesAtMost = 10_000;
const exportedAtMost = 32 * 1024 * 1024;

/** Answers of the routes that change nothing. */
export function createFluxReads(deps: ReadDeps) {
  const imagesOfMany = createImagesOfMany();
  return {
    /** Of a namespace ("" for all of them), or those of `ids` that there are. */
    async services(
      environment: EnvironmentSettings,
      asked: { readonly namespace: string; readonly ids?: readonly string[] },
    ): Promise<readonly FluxService[]> {
      const { workloads, facts, age } = await deps.lists.read(environment);
      const { ids, namespace } = asked;
      const found = workloads.filter(
        (one) =>
          (namespace === "" || one.namespace === namespace) && (ids === undefined || ids.includes(one.id)),
      );
      const observed = environment.mode === "observe";
      const indexed = age.gitCommit !== null;
      return toFluxServices({ workloads: found, declared: facts.declared, observed, indexed });
    },

    async images(
      environment: EnvironmentSettings,
      { service, namespace }: { readonly service: string; readonly namespace: string },
    ): Promise<readonly FluxServiceImages[]> {
      if (service !== everything && namespace !== "") {
        throw new SlipwayError("INVALID_REQUEST", { detail: "name either a workload or a namespace" });
      }
      const [{ workloads, facts, images: known }, now] = await Promise.all([
        deps.lists.read(environment),
        deps.store.now(),
      ]);
      const found = workloads.filter((one) =>
        service === everything ? namespace === "" || one.namespace === namespace : one.id === service,
      );
      if (found.length === 0 && service !== everything) {
        throw new SlipwayError("WORKLOAD_NOT_FOUND", {
          detail: `${service} is neither declared in git nor running`,
        });
      }
      const page = { limit: imagesAtMost, eligibleOnly: false };
      return toFluxImages(imagesOfMany({ known, workloads: found, declared: facts.declared, now, page }));
    },

    async job(id: string): Promise<unknown> {
      if (!/^[0-9a-f-]{36}$/i.test(id)) throw new SlipwayError("JOB_NOT_FOUND", { detail: `"${id}"` });
      return (await findFluxPlan(deps.store.db, id)) ?? toFluxJob(await findJob(deps.store, id));
    },

    /** The commits up to `ref` that are not applied yet. */
    async notApplied(environment: EnvironmentSettings, ref: string): Promise<readonly string[]> {
      const [jobs, tip] = await Promise.all([
        jobsAtCommit(deps.store.db, { environment: environment.name, prefix: ref }),
        environmentTip(deps.store.db, environment.name),
      ]);
      const isTip = tip?.commit_sha.startsWith(ref) === true;
      if (jobs.length === 0 && !isTip) {
        throw new SlipwayError("NOT_FOUND", {
          detail: `no job of ${environment.name} made or applied a commit ${ref}`,
          hint: "fluxctl sync applies what git says now",
        });
      }
      const waiting = jobs.filter((job) => !isApplied(job));
      return [...new Set(waiting.flatMap(({ commit_sha }) => commit_sha ?? []))];
    },

    /** A stream of YAML documents, in base64; JSON is YAML. */
    async exported(environment: EnvironmentSettings, signal: AbortSignal): Promise<string> {
      const documents: string[] = [];
      let length = 0;
      const stream = deps.cluster.exportWorkloads({ environment: environment.name }, { signal });
      for await (const { object } of stream) {
        length += object.length;
        if (length > exportedAtMost) {
          throw new SlipwayError("PAYLOAD_TOO_LARGE", {
            detail: `${environment.name} has more than ${exportedAtMost / 1024 / 1024} MiB of workloads`,
            hint: "kubectl get --output yaml tells them namespace by namespace",
          });
        }
        documents.push(object);
      }
      return Buffer.from(documents.join("\n---\n")).toString("base64");
    },

    async gitConfig(environment: EnvironmentSettings): Promise<FluxGitConfig> {
      const asked = { environment: environment.name };
      const [{ commit, problem }, identity] = await Promise.all([
        readGit(deps, environment),
        askWorker(deps.workers, (worker) => worker.getIdentity(asked)),
      ]);
      const { url, branch, paths } = environment.git;
      const status = problem === null ? (commit === null ? "new" : "ready") : "unreachable";
      return {
        remote: { url: withoutPassword(url), branch, path: paths.join(",") },
        publicSSHKey: keyOf(identity),
        status,
        errors:
          problem === null ? "" : `${problem.title}${problem.detail === null ? "" : `: ${problem.detail}`}`,
      };
    },
  };
}

function keyOf({ publicKey, md5, sha256 }: GetIdentityResponse): FluxGitConfig["publicSSHKey"] {
  const fingerprints = md5 === undefined || sha256 === undefined ? null : { md5, sha256 };
  return { key: publicKey, fingerprints };
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z+]+:\/\/[^/@:]*):[^/@]*@/i, "$1@");
}
