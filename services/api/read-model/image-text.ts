import type { ImagePage, WorkloadImages } from "#common/contracts/http.ts";

type Container = WorkloadImages["containers"][number];

/** Writes a page of images as JSON. */
export type ImagePageText = (page: ImagePage) => string;

/**
 * Remembers the text of each image for as long as the image itself is kept: of a thousand workloads nearly
 * every one is told as it was the last time, and writing them was half of an answer's time.
 */
export function createImagePageText(): ImagePageText {
  const written = new WeakMap<Container["available"][number], string>();
  const imageText = (image: Container["available"][number]): string => {
    const before = written.get(image);
    if (before !== undefined) return before;
    const text = JSON.stringify(image);
    // The running one is marked anew for each answer: nobody asks for its text again.
    if (!image.running) written.set(image, text);
    return text;
  };
  const containerText = ({ available, ...rest }: Container): string =>
    withList(rest, "available", available.map(imageText));
  const workloadText = ({ containers, ...rest }: WorkloadImages): string =>
    withList(rest, "containers", containers.map(containerText));
  return ({ images, ...rest }) => withList(rest, "images", images.map(workloadText));
}

/** An object that has other fields, too, with one more of which the items are written already. */
function withList(rest: object, name: string, items: readonly string[]): string {
  return `${JSON.stringify(rest).slice(0, -1)},"${name}":[${items.join(",")}]}`;
}
