import { isObject, itemsOf, payloadOf } from "./payload.ts";
import type { Payload } from "./payload.ts";

/** What a webhook's body says was pushed; undefined where it says nothing that we understand. */
export function pushedRefs(body: Buffer, contentType: string | undefined): readonly string[] | undefined {
  const payload = payloadOf(body, contentType);
  if (!isObject(payload)) return undefined;
  const refs = [...refOfPush(payload), ...refsOfChanges(payload["changes"]), ...refsOfBitbucket(payload)];
  return refs.length === 0 || refs.length > mostRefs ? undefined : refs;
}

/** Whether it is certain that nothing of this branch was pushed, nor a proposal where people merge those. */
export function isElsewhere(
  refs: readonly string[] | undefined,
  git: { readonly branch: string; readonly push: "direct" | "proposal" },
): boolean {
  if (refs === undefined) return false;
  return refs.every(
    (ref) =>
      ref !== `refs/heads/${git.branch}` &&
      !(git.push === "proposal" && ref.startsWith("refs/heads/slipway/")),
  );
}

const mostRefs = 1_000;

/** GitHub, Gitea, Forgejo, GitLab: `ref`, in full; a short one belongs to another kind of event. */
function refOfPush({ ref }: Payload): string[] {
  return typeof ref === "string" && ref.startsWith("refs/") ? [ref] : [];
}

/** Bitbucket Data Center: `changes`, each with a ref. */
function refsOfChanges(changes: unknown): string[] {
  return itemsOf(changes).flatMap(({ ref }) =>
    isObject(ref) && typeof ref["id"] === "string" ? ref["id"] : [],
  );
}

/** Bitbucket Cloud: `push.changes`, each from an old to a new branch or tag; one of them may be missing. */
function refsOfBitbucket({ push }: Payload): string[] {
  const changes = isObject(push) ? itemsOf(push["changes"]) : [];
  return changes.flatMap((change) => {
    const named = [change["new"], change["old"]].find((one) => isObject(one));
    if (!isObject(named) || typeof named["name"] !== "string") return [];
    return `refs/${named["type"] === "branch" ? "heads" : "tags"}/${named["name"]}`;
  });
}
