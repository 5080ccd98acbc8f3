import type { WorkloadImages } from "#common/contracts/http.ts";
import { tryParseImageRef } from "#common/domain/image-ref.ts";

import { listNames } from "./names.ts";
import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

export interface ImageStyle {
  readonly heading: string;
  readonly headers: boolean;
  /** Adds digest, platforms, and what is to be said of an image. */
  readonly wide: boolean;
  /** Rows per container, the running one not counted; 0 is all. */
  readonly limit: number;
}

type Container = WorkloadImages["containers"][number];
type Image = Container["available"][number];

/** The images each container could run, newest first, the running one marked and never left out. */
export function imageLines(all: readonly WorkloadImages[], style: ImageStyle): readonly string[] {
  const names = listNames(all.map((images) => images.workload));
  const rows = all.flatMap((images) =>
    images.containers.flatMap((container, at) =>
      rowsOf(container, at === 0 ? (names.get(images.workload) ?? images.workload) : "", style),
    ),
  );
  const heading = [style.heading, "CONTAINER", "IMAGE", "CREATED"];
  const full = style.wide ? [...heading, "DIGEST", "PLATFORMS", "NOTE"] : heading;
  return tableLines(style.headers ? [full, ...rows] : rows);
}

type Rows = readonly (readonly string[])[];

function rowsOf(container: Container, name: string, style: ImageStyle): Rows {
  const head = [name, container.container, container.repository, headNote(container, style)];
  const running = container.available.findIndex((image) => image.running);
  const rows = limitedRows(container, running, style);
  if (running !== -1) return [head, ...rows];
  const current = tryParseImageRef(container.image);
  const version = current?.tag ?? current?.digest ?? "(untagged)";
  return [head, ...rows, ["", "", `'-> ${version}`, "?"]];
}

function limitedRows(container: Container, running: number, { limit, wide }: ImageStyle): Rows {
  const { available, total } = container;
  const imageRow = (image: Image, at: number): readonly string[] => {
    const mark = image.running ? "'->" : running !== -1 && at > running ? "   " : "|  ";
    const moved = image.movedAt === null ? "" : " (moved)";
    const row = ["", "", `${mark} ${image.tag}${moved}`, dateOf(image)];
    return wide ? [...row, ...details(image, container.filter)] : row;
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

function details(image: Image, filter: string | null): readonly string[] {
  const digest = image.digest === null ? "" : image.digest.replace(/^sha256:/, "").slice(0, 12);
  const notes = [
    image.ineligible === null ? [] : `not eligible: ${ineligibleText(image.ineligible, filter)}`,
    image.movedAt === null ? [] : `moved ${shortDate(image.movedAt)}`,
    image.dateFrom === "label" ? "date from its label" : [],
  ];
  return [digest, (image.platforms ?? []).join(","), notes.flat().join("; ")];
}

function ineligibleText(reason: NonNullable<Image["ineligible"]>, filter: string | null): string {
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
    "no-created-time": "it has no date",
  };
  return words[reason];
}

function dateOf(image: Image): string {
  if (image.createdAt !== null) return shortDate(image.createdAt);
  return image.firstSeenAt === null ? "?" : `first seen ${shortDate(image.firstSeenAt)}`;
}

function headNote(container: Container, { wide }: ImageStyle): string {
  if (container.problem !== null) return container.problem.detail ?? container.problem.title;
  if (wide && container.missing !== null) return container.missing.detail;
  if (container.available.length > 0) return "";
  return container.scannedAt === null ? "image data not available" : "no images found";
}
