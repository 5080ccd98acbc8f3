import type { ReleaseRequestInput } from "#common/contracts/requests.ts";
import type { WorkloadImages } from "#common/contracts/http.ts";

import { findWorkloads } from "../lookup.ts";
import { pick } from "../picker/pick.ts";
import type { PickGroup } from "../picker/state.ts";
import { listNames } from "../print/names.ts";
import { shortDate } from "../print/time.ts";
import { usageProblem } from "../problem.ts";
import type { Session } from "../session.ts";

export interface PickAsk {
  /** Workloads as typed; none is all of them. */
  readonly names: readonly string[];
  readonly exclude: readonly string[];
}

/** What a person chooses from the lists, as the part of a request; undefined when they leave. */
export async function pickRelease(
  session: Session,
  ask: PickAsk,
): Promise<Pick<ReleaseRequestInput, "images"> | undefined> {
  const { io } = session;
  if (!io.interactive || !io.live) {
    throw usageProblem(
      "--interactive needs a terminal to choose at",
      "in a pipeline say what is meant: slipway release W -i IMAGE",
    );
  }
  const groups = groupsOf(await imagesOf(session, ask));
  if (groups.length === 0) {
    throw usageProblem("There is no image to choose", "slipway images shows what the registries hold");
  }
  const picked = await pick(io, groups);
  if (picked === undefined) return undefined;
  return { images: { containers: [...picked] } };
}

/** Per container; older ones are released by their name. */
const imagesShown = 100;
const atATime = 8;

async function imagesOf(session: Session, ask: PickAsk): Promise<readonly WorkloadImages[]> {
  const { environment, namespace } = session.options;
  const left = ask.exclude.length === 0 ? [] : await findWorkloads(session, ask.exclude);
  const isLeft = (id: string) => left.some((workload) => workload.id === id);
  if (ask.names.length === 0) {
    const { images } = await session.api.allImages({ environment, namespace, images: imagesShown });
    return images.filter(({ workload }) => !isLeft(workload));
  }
  const workloads = (await findWorkloads(session, ask.names)).filter(({ id }) => !isLeft(id));
  const all: WorkloadImages[] = [];
  for (let at = 0; at < workloads.length; at += atATime) {
    const some = workloads.slice(at, at + atATime);
    all.push(...(await Promise.all(some.map((workload) => session.api.images(workload, {})))));
  }
  return all;
}

function groupsOf(all: readonly WorkloadImages[]): readonly PickGroup[] {
  const names = listNames(all.map(({ workload }) => workload));
  return all.flatMap(({ workload, containers }) =>
    containers.flatMap(({ container, repository, available }) => {
      const images = available.slice(0, imagesShown).map((image) => ({
        tag: image.tag,
        created: image.createdAt === null ? "?" : shortDate(image.createdAt),
        running: image.running,
        ineligible: image.ineligible,
      }));
      return images.length === 0
        ? []
        : [{ workload: names.get(workload) ?? workload, container, repository, images }];
    }),
  );
}
