import type { ReleaseRequestInput } from "#common/contracts/requests.ts";
import { sameRepository, tryParseImageRef } from "#common/domain/image-ref.ts";

import { findWorkloads } from "../lookup.ts";
import { didYouMean, nearest } from "../near.ts";
import { CliProblem } from "../problem.ts";
import type { Session } from "../session.ts";

/** The code that the API and a job give for an image that nobody pushed. */
const notFound = "IMAGE_NOT_FOUND";

/** As `act`, with what was probably meant where it ends because an image does not exist. */
export async function withNearImages<T>(
  session: Session,
  body: ReleaseRequestInput,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof CliProblem) || error.code !== notFound) throw error;
    const hint = (await hintFor(session, body, error.code)) ?? error.parts.hint;
    throw new CliProblem({ ...error.parts, hint, cause: error });
  }
}

/** "did you mean …?" for an error of this code; nothing where nothing is near, or the lists cannot be had. */
export async function hintFor(
  session: Session,
  body: ReleaseRequestInput,
  code: string,
): Promise<string | undefined> {
  const asked = exactImages(body.images);
  if (code !== notFound || asked.length === 0 || body.workloads === undefined) return undefined;
  try {
    const known = await knownImages(session, body.workloads);
    return didYouMean([...new Set(asked.flatMap((image) => near(image, known)))].slice(0, 3));
  } catch (error) {
    // The hint is worth nothing next to the error it belongs to.
    if (error instanceof CliProblem) return undefined;
    throw error;
  }
}

function exactImages(images: ReleaseRequestInput["images"]): readonly string[] {
  if (Array.isArray(images)) return images;
  return typeof images === "object" && "exact" in images ? images.exact : [];
}

interface Known {
  readonly repository: string;
  readonly tags: readonly string[];
}

const workloadsLimit = 5;

async function knownImages(session: Session, names: readonly string[]): Promise<readonly Known[]> {
  const workloads = await findWorkloads(session, names.slice(0, workloadsLimit));
  const all = await Promise.all(workloads.map((workload) => session.api.images(workload, {})));
  return all.flatMap(({ containers }) =>
    containers.map(({ repository, available }) => ({ repository, tags: available.map(({ tag }) => tag) })),
  );
}

/** A near tag of the repository that is named, else the tag in a repository that these workloads use. */
function near(image: string, known: readonly Known[]): readonly string[] {
  const ref = tryParseImageRef(image);
  const tag = ref?.tag;
  if (ref === undefined || tag === undefined) return [];
  const own = known.filter(({ repository }) => {
    const other = tryParseImageRef(repository);
    return other !== undefined && sameRepository(ref, other);
  });
  const places = own.length > 0 ? own : known;
  return places.flatMap(({ repository, tags }) => nearest(tag, tags).map((one) => `${repository}:${one}`));
}
