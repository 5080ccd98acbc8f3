import type { Command } from "commander";

import type { Workload, WorkloadImages } from "#common/contracts/http.ts";

import { findWorkloads } from "../lookup.ts";
import { didYouMean, nearest } from "../near.ts";
import { imageLines, nodeNotes, problemNotes } from "../print/images.ts";
import { safe } from "../print/safe.ts";
import { usageProblem } from "../problem.ts";
import { show } from "../session.ts";
import type { CommonOptions, Session } from "../session.ts";

import { addCommonOptions, addStoryOption, collect, parseCount, verb } from "./common.ts";
import type { CommandDeps } from "./common.ts";

interface ImageOptions extends CommonOptions {
  readonly workload?: readonly string[];
  readonly service?: readonly string[];
  readonly limit: number;
  readonly refresh?: boolean;
  readonly container?: string;
}

/** `images W`, and its name of 2016, `list-images --service W`. */
export function addImages(program: Command, deps: CommandDeps): void {
  for (const name of ["images", "list-images"]) {
    const command = program
      .command(`${name} [workload...]`, { hidden: name !== "images" })
      .summary("what could run: a workload's images, newest first")
      .description(
        "Lists the images each container could run, newest first, with the running one marked '->. Without a workload: those of every workload of -n, or of all. (moved): the tag points at another image than it did. (no node runs it): it is for other platforms than the cluster's nodes. -o wide tells why an image is not eligible for --latest. Also: list-images.",
      )
      .option("--workload <name>", "same as the argument; repeatable", collect)
      .option("--service <name>", "same as --workload", collect)
      .option("-l, --limit <count>", "images per container, the running one always; 0 is all", parseCount, 10)
      .option("-c, --container <name>", "only this container")
      .option("--refresh", "ask the registry now instead of answering from the last scan")
      .addHelpText(
        "after",
        `\nExamples:\n  slipway ${name} front-end\n  slipway ${name} sock-shop/front-end --limit 3\n  slipway ${name} front-end --refresh -o json`,
      );
    addStoryOption(addCommonOptions(command)).action(
      verb<ImageOptions>(deps, (session, options, args) =>
        listImages(session, { options, args, heading: heading(name, options) }),
      ),
    );
  }
}

function heading(name: string, options: ImageOptions): string {
  const seed = options.service !== undefined || options.format === "story";
  return name === "list-images" && seed ? "SERVICE" : "WORKLOAD";
}

interface ImageAsk {
  readonly options: ImageOptions;
  readonly args: readonly string[];
  readonly heading: string;
}

async function listImages(session: Session, ask: ImageAsk): Promise<undefined> {
  const { limit } = ask.options;
  const all = await allAsked(session, ask);
  const limited = limit === 0 ? all : all.map((images) => cut(images, limit));
  show(session, {
    data: { images: limited },
    names: limited.flatMap(namesOf),
    lines: (style) => imageLines(all, { ...style, heading: ask.heading, limit }),
  });
  const notes = ask.options.output === "wide" ? nodeNotes(all) : [];
  for (const note of [...problemNotes(all), ...notes]) session.io.err(safe(note));
  return undefined;
}

/** The most that lists of many workloads tell per container. */
const imagesOfMany = 100;

/** Many workloads come in one answer; the registry is asked, and every image told, one by one. */
async function allAsked(session: Session, ask: ImageAsk): Promise<readonly WorkloadImages[]> {
  const { limit, refresh = false, container, environment, namespace } = ask.options;
  const names = [...ask.args, ...(ask.options.workload ?? []), ...(ask.options.service ?? [])];
  const few = limit > 0 && limit <= imagesOfMany;
  if (names.length === 0 && few && !refresh) {
    const { images } = await session.api.allImages({ environment, namespace, images: limit });
    return images.flatMap((one) => ofContainer(one, container));
  }
  const workloads = await (names.length > 0 ? findWorkloads(session, names) : everyWorkload(session, ask));
  const all = await imagesOf(session, workloads, { refresh, every: limit === 0, container });
  if (container === undefined) return all;
  const found = all.filter(({ containers }) => containers.length > 0);
  if (found.length > 0) return found;
  const there = [...new Set(workloads.flatMap(({ containers }) => containers.map(({ name }) => name)))];
  const hint = didYouMean(nearest(container, there)) ?? `there is ${there.join(", ")}`;
  throw usageProblem(`There is no container "${container}"`, hint);
}

function ofContainer(images: WorkloadImages, container: string | undefined): readonly WorkloadImages[] {
  if (container === undefined) return [images];
  const containers = images.containers.filter((one) => one.container === container);
  return containers.length > 0 ? [{ ...images, containers }] : [];
}

const workloadsLimit = 200;

async function everyWorkload(session: Session, { options }: ImageAsk): Promise<readonly Workload[]> {
  const { environment, namespace } = options;
  const { workloads } = await session.api.workloads({ environment, namespace });
  if (workloads.length <= workloadsLimit) return workloads;
  throw usageProblem(
    `${workloads.length} workloads are too many for one list of images`,
    `name some, or narrow it with -n; at most ${workloadsLimit}`,
  );
}

const atATime = 8;

/** A few at a time: kind to the server, and in the order asked for. */
async function imagesOf(
  session: Session,
  workloads: readonly Workload[],
  query: { refresh: boolean; every: boolean; container: string | undefined },
) {
  const all: WorkloadImages[] = [];
  for (let at = 0; at < workloads.length; at += atATime) {
    const some = workloads.slice(at, at + atATime);
    all.push(...(await Promise.all(some.map((workload) => session.api.images(workload, query)))));
  }
  return all;
}

function cut(images: WorkloadImages, limit: number): WorkloadImages {
  const containers = images.containers.map((container) => ({
    ...container,
    available: container.available.filter((image, at) => at < limit || image.running),
  }));
  return { ...images, containers };
}

function namesOf(images: WorkloadImages): readonly string[] {
  return images.containers.flatMap((container) =>
    container.available.map((image) => `${container.repository}:${image.tag}`),
  );
}
