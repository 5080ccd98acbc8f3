import type { WorkloadImages } from "#common/contracts/http.ts";
import { tryParseImageRef } from "#common/domain/image-ref.ts";

import { listNames, shortCommit } from "./names.ts";
import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

export interface ImageStyle {
  readonly heading: string;
  readonly headers: boolean;
  /** Adds digest, platforms, and what is to be said of an image. */
  readonly wide: boolean;
  /** Rows per container, the running one not counted; 0 is all. */
  readonly limit: number;
  readonly columns?: number | undefined;
}

type Container = WorkloadImages["containers"][number];
type Image = Container["available"][number];

/** The images each container could run, newest first, the running one marked and never left out. */
export function imageLines(all: readonly WorkloadImages[], style: ImageStyle): readonly string[] {
  const names = listNames(all.map((images) => images.workload));
  const rows = all.flatMap((images) =>
    images.containers.flatMap((container, at) =>
      rowsOf(container, at === 0 ? (names.get(images.workload) ?? images.workload) : "", {
        ...style,
        nodes: images.nodes.platforms,
      }),
    ),
  );
  const heading = [style.heading, "CONTAINER", "IMAGE", "CREATED"];
  const full = style.wide ? [...heading, "DIGEST", "PLATFORMS", "NOTE"] : heading;
  return tableLines(style.headers ? [full, ...rows] : rows, style.columns);
}

/** Why no image is left alone for its platform, where that is so; said once, however many ask. */
export function nodeNotes(all: readonly WorkloadImages[]): readonly string[] {
  const problems = new Set(all.flatMap(({ nodes }) => nodes.problem ?? []));
  return [...problems].map((problem) => `which images a node can run is not known: ${problem}`);
}

const problemsAtMost = 10;

/** What is wrong with each registry that could not be read, and what to do; each said once. */
export function problemNotes(all: readonly WorkloadImages[]): readonly string[] {
  const found = all.flatMap(({ containers }) =>
    containers.flatMap(({ repository, problem }) => (problem === null ? [] : [{ repository, problem }])),
  );
  const byRepository = new Map(found.map(({ repository, problem }) => [repository, problem]));
  const notes = [...byRepository].map(([repository, { title, detail, hint, code }]) => [
    `${repository}: ${detail ?? title} (${code})`,
    ...(hint === null ? [] : [`  ${hint}`]),
  ]);
  const more = notes.length - problemsAtMost;
  const rest = more > 0 ? [`${more} more image repositories cannot be read`] : [];
  return [...notes.slice(0, problemsAtMost).flat(), ...rest];
}

type RowStyle = ImageStyle & { readonly nodes: readonly string[] };
type Rows = readonly (readonly string[])[];

function rowsOf(container: Container, name: string, style: RowStyle): Rows {
  const head = [name, container.container, container.repository, headNote(container, style)];
  const running = container.available.findIndex((image) => image.running);
  const rows = limitedRows(container, running, style);
  if (running !== -1) return [head, ...rows];
  const current = tryParseImageRef(container.image);
  const version = current?.tag ?? current?.digest ?? "(untagged)";
  return [head, ...rows, ["", "", `'-> ${version}`, "?"]];
}

function limitedRows(container: Container, running: number, { limit, wide, nodes }: RowStyle): Rows {
  const { available, total } = container;
  const imageRow = (image: Image, at: number): readonly string[] => {
    const mark = image.running ? "'->" : running !== -1 && at > running ? "   " : "|  ";
    const moved = image.movedAt === null ? "" : " (moved)";
    const unrunnable = image.runnable === false ? " (no node runs it)" : "";
    const row = ["", "", `${mark} ${image.tag}${moved}${unrunnable}`, dateOf(image)];
    return wide ? [...row, ...details(image, container.filter, nodes)] : row;
  };
  const last = limit <= 0 ? available.length : Math.min(limit, available.length);
  const rows = available.slice(0, last).map(imageRow);
  const omitted = (count: number) => (count > 0 ? [["", "", `:   (${count} image(s) omitted)`, ""]] : []);
  const unsent = Math.max(0, total - available.length);
  if (running < last) return [...rows, ...omitted(available.length - last + unsent)];
  const shown = available[running];
  const row = shown === undefined ? [] : [imageRow(shown, running)];
  return [...rows, ...omitted(running - last), ...row, ...omitted(available.length - running - 1 + unsent)];
}

function details(image: Image, filter: string | null, nodes: readonly string[]): readonly string[] {
  const digest = image.digest === null ? "" : image.digest.replace(/^sha256:/, "").slice(0, 12);
  const notes = [
    image.ineligible === null ? [] : `not eligible: ${ineligibleText(image.ineligible, filter, nodes)}`,
    image.movedAt === null ? [] : `moved ${shortDate(image.movedAt)}`,
    image.dateFrom === "label" ? "date from its label" : [],
    originNotes(image),
  ].flat();
  return [digest, (image.platforms ?? []).join(","), notes.join("; ")];
}

function originNotes({ tag, origin }: Image): readonly string[] {
  if (origin === undefined) return [];
  const { version, revision, source } = origin;
  return [
    version === null || version === tag ? [] : `version ${version}`,
    revision === null ? [] : `revision ${shortRevision(revision)}`,
    source === null ? [] : `source ${source}`,
  ].flat();
}

/** As git shortens a commit; anything else is told whole. */
function shortRevision(revision: string): string {
  return /^[0-9a-f]{40,64}$/.test(revision) ? shortCommit(revision) : revision;
}

function ineligibleText(
  reason: NonNullable<Image["ineligible"]>,
  filter: string | null,
  nodes: readonly string[],
): string {
  const words: Readonly<Record<typeof reason, string>> = {
    "no-policy": "the running tag is no version, and there is no filter",
    "filter-invalid": `the filter ${filter ?? ""} cannot be read`,
    "filtered-out": `outside ${filter ?? "the filter"}`,
    "not-a-version": "its tag is no version",
    "not-a-number": "what its tag captures is no number",
    "too-young": "younger than the minimum age",
    "age-unknown": "its age is not known, and there is a minimum age",
    "other-platform": "not built for the platform asked for",
    "platform-unknown": "its platforms are not known",
    "digest-unknown": "its digest is not known yet",
    "latest-excluded": "latest is only another name",
    "no-created-time": "it has no date, and was there before us",
    "no-node": `no node can run it, they are ${nodes.join(", ")}`,
  };
  return words[reason];
}

function dateOf(image: Image): string {
  if (image.createdAt !== null) return shortDate(image.createdAt);
  return image.firstSeenAt === null ? "?" : `first seen ${shortDate(image.firstSeenAt)}`;
}

function headNote(container: Container, { wide }: ImageStyle): string {
  if (container.problem !== null) return container.problem.title;
  if (wide && container.missing !== null) return container.missing.detail;
  if (container.available.length > 0) return "";
  return container.scannedAt === null ? "image data not available" : "no images found";
}
