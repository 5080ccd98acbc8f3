import { createHash } from "node:crypto";
import { formatWorkloadId } from "#common/domain/workload.ts";
import { imagesOf } from "#common/store/images.ts";
import { declaredWorkloads } from "#common/store/manifests.ts";
import { createEligibility } from "../../services/api/read-model/eligibility.ts";
import { imagesOfWorkload, listRepository } from "../../services/api/read-model/images.ts";
import { joinWorkloads, repositoriesOf } from "../../services/api/read-model/workloads.ts";
import type { Fleet } from "./fleet.ts";
import type { ListStage } from "./list-stage.ts";

/** What a straightforward implementation does for each request: read everything, join, write as JSON. */
export interface Naive {
  /** The page, or all of it, and its hash as an ETag. */
  list(fleet: Fleet, limit: number): Promise<string>;
  images(fleet: Fleet): Promise<string>;
}

export function createNaive({ store, cluster }: Pick<ListStage, "store" | "cluster">): Naive {
  const readAll = async ({ name }: Fleet) => {
    const [{ workloads }, rows] = await Promise.all([
      cluster.listWorkloads({ environment: name, namespace: "" }),
      declaredWorkloads(store.db, name),
    ]);
    const running = new Map(workloads.map((one) => [formatWorkloadId(one), one]));
    const declared = Map.groupBy(rows, (row) => row.workload);
    const repositories = await imagesOf(store.db, repositoriesOf({ running, declared }));
    const images = new Map(
      [...repositories].map(([key, { images: found, scanned_at: at }]) => {
        const known = found.map(({ tag, digest, createdAt, firstSeenAt }) => ({
          tag,
          firstSeenAt,
          ...(digest !== null && { digest }),
          ...(createdAt !== null && { createdAt }),
        }));
        return [key, { scanned: at !== null, images: known }];
      }),
    );
    const facts = { environment: name, running, complete: true, declared, held: new Map(), images };
    const joined = joinWorkloads({ ...facts, automation: "off", sees: () => true });
    return { workloads: joined, repositories };
  };
  return {
    async list(fleet, limit) {
      const text = JSON.stringify((await readAll(fleet)).workloads.slice(0, limit));
      return createHash("sha256").update(text).digest("base64url");
    },
    async images(fleet) {
      const { workloads, repositories: found } = await readAll(fleet);
      const repositories = new Map([...found].map(([key, row]) => [key, listRepository(row)]));
      const shared = {
        repositories,
        problems: new Map<string, never>(),
        filterOf: () => undefined,
        eligibility: createEligibility(),
        now: new Date(),
        page: { limit: 15 },
      };
      return JSON.stringify(workloads.map((workload) => imagesOfWorkload({ ...shared, workload })));
    },
  };
}
