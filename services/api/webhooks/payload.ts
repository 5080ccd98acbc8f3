/** A JSON object that somebody sent; nothing in it is believed before it is looked at. */
export type Payload = Readonly<Record<string, unknown>>;

/** The JSON of a webhook's body; undefined where it is none. */
export function payloadOf(body: Buffer, contentType: string | undefined): unknown {
  const text = body.toString("utf8");
  const isForm = contentType?.startsWith("application/x-www-form-urlencoded") === true;
  // GitHub can send the JSON as the one field of a form.
  const json = isForm ? (new URLSearchParams(text).get("payload") ?? "") : text;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    // Whoever proved to know the secret is heard, whatever else was sent.
    return undefined;
  }
}

export function isObject(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects in a list; none where it is no list. */
export function itemsOf(value: unknown): readonly Payload[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
