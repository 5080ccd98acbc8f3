/**
 * Where people open the merge of a proposal branch. Known hosts by the shape of their addresses; any
 * other by the settings' template (`{branch}`, `{proposal}`); undefined where neither tells.
 */
export function compareUrl(o: {
  readonly url: string;
  readonly branch: string;
  readonly proposal: string;
  readonly template?: string | undefined;
}): string | undefined {
  const branch = encodeURIComponent(o.branch);
  const proposal = encodeURIComponent(o.proposal);
  if (o.template !== undefined) {
    return o.template.replaceAll("{branch}", branch).replaceAll("{proposal}", proposal);
  }
  const home = webAddress(o.url);
  if (home === undefined) return undefined;
  if (/(^|\.)gitlab\./.test(home.host)) {
    const query = new URLSearchParams({
      "merge_request[source_branch]": o.proposal,
      "merge_request[target_branch]": o.branch,
    });
    return `${home.address}/-/merge_requests/new?${query.toString()}`;
  }
  if (/(^|\.)bitbucket\.org$/.test(home.host)) {
    return `${home.address}/pull-requests/new?source=${proposal}&dest=${branch}`;
  }
  // GitHub, Gitea and Forgejo share this form.
  if (/(^|\.)(github\.com|gitea\.com|codeberg\.org)$/.test(home.host)) {
    return `${home.address}/compare/${branch}...${proposal}`;
  }
  return undefined;
}

/** The page of a repository, from its clone address over https or ssh (also `git@host:path`). */
function webAddress(url: string): { readonly host: string; readonly address: string } | undefined {
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/)(.+)$/.exec(url);
  const parts = scp ?? /^(?:https?|ssh):\/\/(?:[^@/]+@)?([^:/]+)(?::\d+)?\/(.+)$/.exec(url);
  const [, host, path] = parts ?? [];
  if (host === undefined || path === undefined) return undefined;
  const page = path.replace(/\/+$/, "").replace(/\.git$/, "");
  return { host: host.toLowerCase(), address: `https://${host.toLowerCase()}/${page}` };
}
