import { createHmac } from "node:crypto";

/** The headers of the Standard Webhooks convention: id, time and an HMAC-SHA256 over both and the body. */
export function webhookHeaders(
  secret: string,
  sent: { readonly id: string; readonly at: Date; readonly body: string },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(sent.at.getTime() / 1_000));
  const signed = `${sent.id}.${timestamp}.${sent.body}`;
  const signature = createHmac("sha256", keyOf(secret)).update(signed).digest("base64");
  return {
    "webhook-id": sent.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}

const prefix = "whsec_";

function keyOf(secret: string): Buffer {
  if (secret.startsWith(prefix)) return Buffer.from(secret.slice(prefix.length), "base64");
  return Buffer.from(secret, "utf8");
}
