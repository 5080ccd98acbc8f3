/** Names that the page and the API agree on, apart from the schemas: the page carries no validator. */

/** The cookie's name; its value is the token itself, so that revoking a token ends its sessions. */
export const sessionCookie = "slipway-session";

/**
 * The cookie counts beside this header alone. Another origin cannot send it without asking first, and is
 * always refused; so no page but ours can act for who is signed in.
 */
export const pageHeader = "x-slipway-page";
