import type { WorkloadImages } from "#common/contracts/http.ts";
import { queueNames, repositorySubject } from "#common/contracts/queue.ts";
import { askForUnread } from "#common/store/image-uses.ts";

import type { ApiDeps } from "./deps.ts";
import { keyOfImage } from "./read-model/images.ts";

/** Images that somebody lists and nobody has read yet are read now, behind the answer. */
export function askForMore(
  deps: Pick<ApiDeps, "store" | "log" | "ring">,
  { containers }: WorkloadImages,
): void {
  const unread = containers.filter(({ missing }) => missing?.reason === "unread");
  const keys = [...new Set(unread.flatMap(({ repository }) => keyOfImage(repository) ?? []))];
  if (keys.length === 0) return;
  askForUnread(deps.store.db, keys)
    .then((asked) => asked.forEach((key) => deps.ring(queueNames.scanner, repositorySubject(key))))
    .catch((error: unknown) => deps.log.warn("unread images could not be asked for", { error }));
}
