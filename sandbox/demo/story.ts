import { broken, slipway, type StoryPlace } from "./typed.ts";
import { branch, repository } from "./world.ts";

const service = "sock-shop/front-end";
const file = "deploy/front-end.yaml";

/** The 2016 story, by the true command line as child processes; throws when a line of it is not true. */
export async function playStory(place: StoryPlace): Promise<void> {
  const { world, print } = place;
  const before = await world.git.readFile(repository, branch, file);
  await slipway(place, ["list-services", "-n", "sock-shop", "--format", "story"]);
  await slipway(place, ["list-images", "--service", service, "--limit", "3", "--format", "story"]);
  const released = await slipway(place, ["release", service, "--latest", "-y", "--format", "story"]);
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(released)?.[0];
  if (id === undefined) throw broken("the release printed no job id");
  const commit = (await world.git.log(repository, branch))[0];
  await slipway(place, ["rollback", id.slice(-8), "-y", "--format", "story"]);
  const after = await world.git.readFile(repository, branch, file);
  if (!after.equals(before)) throw broken(`${file} is not what it was`);
  print(`demo: ${file} is byte for byte what it was`);
  const log = await world.git.log(repository, branch);
  const undone = log[0];
  if (log.length !== 3 || commit === undefined || undone === undefined) {
    throw broken(`the branch has ${log.length} commits, not 3`);
  }
  print(`demo: release ${id} succeeded, commit ${short(commit.sha)}, rolled back by ${short(undone.sha)}`);
}

/** Waits until cluster, git and registry have been read once, so that the first list is whole. */
export async function untilReady(place: StoryPlace, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last = "no answer";
  while (performance.now() < deadline) {
    place.interrupted.throwIfAborted();
    last = await whatIsMissing(place);
    if (last === "") return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw broken(`after ${timeoutMs / 1000} s: ${last}`);
}

async function whatIsMissing({ url, token }: StoryPlace): Promise<string> {
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
    return answer.json();
  };
  try {
    const list = (await get("/v1/workloads?namespace=sock-shop")) as {
      workloads: readonly { declared: unknown; release: { state: string } }[];
      age: { gitCommit: string | null };
    };
    const ready = list.workloads.filter(
      (one) => one.declared !== null && one.release.state === "ready",
    ).length;
    if (list.age.gitCommit === null || ready < 13) return `${ready} of 13 services are declared and ready`;
    const images = (await get(
      "/v1/environments/default/workloads/sock-shop/deployment/front-end/images?limit=100",
    )) as { containers: readonly { available: readonly { createdAt: string | null }[] }[] };
    const dated = images.containers
      .flatMap((one) => one.available)
      .filter((one) => one.createdAt !== null).length;
    return dated >= 11 ? "" : `${dated} of 11 images have a date`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function short(sha: string): string {
  return sha.slice(0, 7);
}
