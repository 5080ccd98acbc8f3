import type { WorkloadImages } from "#common/contracts/http.ts";
import { tryParseImageRef } from "#common/domain/image-ref.ts";

import { listNames } from "./names.ts";
import { tableLines } from "./table.ts";
import { shortDate } from "./time.ts";

export interface ImageStyle {
  readonly heading: string;
  readonly headers: boolean;
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
      rowsOf(container, at === 0 ? (names.get(images.workload) ?? images.workload) : "", style.limit),
    ),
  );
  return tableLines(style.headers ? [[style.heading, "CONTAINER", "IMAGE", "CREATED"], ...rows] : rows);
}

function rowsOf(container: Container, name: string, limit: number): readonly (readonly string[])[] {
  const head = [name, container.container, container.repository, headNote(container)];
  const running = container.available.findIndex((image) => image.running);
  const rows = limitedRows(container, running, limit);
  if (running !== -1) return [head, ...rows];
  const current = tryParseImageRef(container.image);
  const version = current?.tag ?? current?.digest ?? "(untagged)";
  return [head, ...rows, ["", "", `'-> ${version}`, "?"]];
}

function limitedRows(container: Container, running: number, limit: number): readonly (readonly string[])[] {
  const { available, total } = container;
  const last = limit <= 0 ? available.length : Math.min(limit, available.length);
  const rows = available.slice(0, last).map((image, at) => imageRow(image, at, running));
  const omitted = (count: number) => (count > 0 ? [["", "", `:   (${count} image(s) omitted)`, ""]] : []);
  const unsent = Math.max(0, total - available.length);
  if (running < last) return [...rows, ...omitted(available.length - last + unsent)];
  const shown = available[running];
  const row = shown === undefined ? [] : [imageRow(shown, running, running)];
  return [...rows, ...omitted(running - last), ...row, ...omitted(available.length - running - 1 + unsent)];
}

function imageRow(image: Image, at: number, running: number): readonly string[] {
  const mark = image.running ? "'->" : running !== -1 && at > running ? "   " : "|  ";
  return ["", "", `${mark} ${image.tag}`, dateOf(image)];
}

function dateOf(image: Image): string {
  if (image.createdAt !== null) return shortDate(image.createdAt);
  return image.firstSeenAt === null ? "?" : `first seen ${shortDate(image.firstSeenAt)}`;
}

function headNote(container: Container): string {
  if (container.problem !== null) return container.problem.detail ?? container.problem.title;
  if (container.available.length > 0) return "";
  return container.scannedAt === null ? "image data not available" : "no images found";
}
