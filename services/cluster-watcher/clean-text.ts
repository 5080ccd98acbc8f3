/** Texts that containers wrote, made fit to be stored and shown: no credentials, nothing that steers a terminal. */

export const maxLogLines = 20;
const maxLineLength = 500;
const masked = "[redacted]";

/** The last lines of a log: at most 20 of at most 500 characters each, without empty ones. */
export function cleanLog(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => withoutControls(line).trimEnd());
  const told = withoutKeys(lines).filter((line) => line !== "");
  return told.slice(-maxLogLines).map((line) => cut(withoutCredentials(line), maxLineLength));
}

/** One line of at most so many characters. */
export function cleanLine(text: string, length: number): string {
  const line = withoutControls(text.replaceAll(/\s*\r?\n\s*/g, " ")).trim();
  return cut(withoutCredentials(line), length);
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const escapes = /\u001b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\u0007\u001b]{0,512}(?:\u0007|\u001b\\)|[@-_])/g;
const controls =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function withoutControls(text: string): string {
  return text.slice(0, maxRawLength).replaceAll(escapes, "").replaceAll(controls, "").replaceAll("\t", "  ");
}

/** What is cut off later need not be searched. */
const maxRawLength = 8_000;

const secretName = String.raw`[\w.-]{0,40}(?:passw(?:or)?d|passwd|pwd|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|credentials?|authorization|cookie)[\w.-]{0,40}`;

/** Each keeps what stands before the secret, so that one sees what it was. */
const credentials: readonly RegExp[] = [
  // Authorization: Bearer eyJ…, "token": "…"
  /(\b(?:bearer|basic|digest)\s+)[\w.~+/=:-]{6,}/gi,
  new RegExp(String.raw`(\b${secretName}["']?\s{0,8}[:=]\s{0,8})"(?:[^"\\]|\\.){1,4000}"`, "gi"),
  new RegExp(String.raw`(\b${secretName}["']?\s{0,8}[:=]\s{0,8})'(?:[^'\\]|\\.){1,4000}'`, "gi"),
  new RegExp(String.raw`(\b${secretName}["']?\s{0,8}[:=]\s{0,8})(?!\[redacted\]|["'])[^\s,;&"'}\])]+`, "gi"),
  new RegExp(String.raw`(--${secretName}\s{1,8})(?!-)[^\s"']+`, "gi"),
  // scheme://user:password@host
  /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,256}:)[^\s@/]{1,512}(?=@)/gi,
  // Tokens that are known by their form: AWS, GitHub, GitLab, Slack, Stripe and the like, Google, JWT.
  /()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /()\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk[-_]|rk_live_|AIza|ya29\.)[\w.-]{16,}/g,
  /()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{0,2000}/g,
];

function withoutCredentials(line: string): string {
  return credentials.reduce((text, pattern) => text.replaceAll(pattern, `$1${masked}`), line);
}

/** A private key spans lines; between its marks nothing is kept. */
function withoutKeys(lines: readonly string[]): string[] {
  let isInside = false;
  return lines.map((line) => {
    const begins = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/.test(line);
    const ends = /-----END [A-Z0-9 ]*PRIVATE KEY/.test(line);
    const hide = isInside || begins;
    isInside = hide && !ends;
    return hide ? masked : line;
  });
}

function cut(text: string, length: number): string {
  // By code points: half a character cannot be stored.
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}
