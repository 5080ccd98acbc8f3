/** What an image's standard labels say it was built of; absent where they say nothing usable. */
export interface ImageOrigin {
  readonly version?: string;
  /** The commit, as a rule. */
  readonly revision?: string;
  /** A web address: pages make links of it. */
  readonly source?: string;
}

/** Whoever built the image chose these texts, of any length. */
const longest = 500;

/** Reads `org.opencontainers.image.version`, `revision` and `source`; what is too long or no address is left out. */
export function originOf(labels: Readonly<Record<string, string>>): ImageOrigin {
  const { version, revision, source } = {
    version: labelOf(labels, "version"),
    revision: labelOf(labels, "revision"),
    source: labelOf(labels, "source"),
  };
  return {
    ...(version !== undefined && { version }),
    ...(revision !== undefined && { revision }),
    ...(source !== undefined && isWebAddress(source) && { source }),
  };
}

function labelOf(labels: Readonly<Record<string, string>>, name: string): string | undefined {
  const text = labels[`org.opencontainers.image.${name}`]?.trim() ?? "";
  return text === "" || text.length > longest ? undefined : text;
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || url.protocol === "http:";
}
