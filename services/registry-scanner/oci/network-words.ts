/** Why no answer came, in words that need no knowledge of ours; with what to do where that is known. */
export function networkWords(error: unknown): { readonly what: string; readonly hint?: string } {
  if (!(error instanceof Error)) return { what: "no answer" };
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (Object.hasOwn(words, code)) return words[code] ?? { what: code };
  return { what: error.message === "" ? code || error.name : error.message.slice(0, 200) };
}

const untrusted = "Name the authority that signed it by caFile in the registry's settings";
const unresolved = "Look at its name, and at the name server of the registry scanner";
const notTls =
  "Plain http is spoken where the registry's settings say insecure: true, or name an http endpoint";

const words: Readonly<Record<string, { readonly what: string; readonly hint?: string }>> = {
  ENOTFOUND: { what: "there is no host of this name", hint: unresolved },
  EAI_AGAIN: { what: "its name cannot be resolved now", hint: unresolved },
  ECONNREFUSED: { what: "nothing listens there (connection refused)" },
  ECONNRESET: { what: "the connection was cut" },
  EPIPE: { what: "the connection was cut" },
  UND_ERR_SOCKET: { what: "the connection was cut" },
  ETIMEDOUT: { what: "no connection in time" },
  UND_ERR_CONNECT_TIMEOUT: { what: "no connection in time" },
  EHOSTUNREACH: { what: "there is no way to it" },
  ENETUNREACH: { what: "there is no way to it" },
  CERT_HAS_EXPIRED: { what: "its certificate has expired" },
  CERT_NOT_YET_VALID: { what: "its certificate is not valid yet" },
  ERR_TLS_CERT_ALTNAME_INVALID: { what: "its certificate is for another host" },
  DEPTH_ZERO_SELF_SIGNED_CERT: { what: "its certificate is signed by itself", hint: untrusted },
  SELF_SIGNED_CERT_IN_CHAIN: { what: "its certificate is signed by an unknown authority", hint: untrusted },
  UNABLE_TO_GET_ISSUER_CERT: { what: "its certificate is signed by an unknown authority", hint: untrusted },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    what: "its certificate is signed by an unknown authority",
    hint: untrusted,
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    what: "its certificate is signed by an unknown authority",
    hint: untrusted,
  },
  ERR_SSL_WRONG_VERSION_NUMBER: { what: "it does not speak TLS", hint: notTls },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: { what: "it does not speak TLS", hint: notTls },
};
