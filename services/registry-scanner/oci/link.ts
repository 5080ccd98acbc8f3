const headerLimit = 16_384;

/** The target of the first `rel="next"` in a Link header, as it is written there. */
export function parseNextLink(header: string | readonly string[] | undefined): string | undefined {
  const text = (typeof header === "string" ? header : (header ?? []).join(", ")).slice(0, headerLimit);
  let at = text.indexOf("<");
  while (at !== -1) {
    const close = text.indexOf(">", at);
    if (close === -1) return undefined;
    const end = endOfParameters(text, close + 1);
    if (isNext(text.slice(close + 1, end))) return text.slice(at + 1, close);
    at = text.indexOf("<", end);
  }
  return undefined;
}

/**
 * The query of the next page. Only the query is taken from the link: proxies write wrong schemes, hosts
 * and path prefixes into it, and a list has no reason to go on at another place.
 */
export function nextPageQuery(header: string | readonly string[] | undefined): string | undefined {
  const target = parseNextLink(header);
  if (target === undefined) return undefined;
  const start = target.indexOf("?");
  if (start === -1) return undefined;
  const end = target.indexOf("#", start);
  const query = target.slice(start + 1, end === -1 ? undefined : end);
  return query === "" ? undefined : query;
}

function endOfParameters(text: string, start: number): number {
  let quoted = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\\" && quoted) at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) return at;
  }
  return text.length;
}

function isNext(parameters: string): boolean {
  return parameters.split(";").some((parameter) => {
    const [name, value = ""] = parameter.split("=", 2);
    if (name?.trim().toLowerCase() !== "rel") return false;
    const relations = value.trim().replace(/^"|"$/g, "").toLowerCase();
    return relations.split(/\s/).includes("next");
  });
}
