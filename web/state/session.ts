import { signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import { operations } from "#common/contracts/operations.ts";
import type { Identity } from "#common/contracts/tokens.ts";

import type { PageTransport } from "../io/transport.ts";

export type SessionState =
  | { readonly kind: "asking" }
  /** `expired`: what the page shows stays there, behind the question. */
  | { readonly kind: "out"; readonly expired: boolean }
  | { readonly kind: "in"; readonly who: Identity };

export interface SessionStore {
  readonly state: ReadonlySignal<SessionState>;
  /** Who it was even when it has just expired: what was offered stays offered. */
  readonly last: ReadonlySignal<Identity | undefined>;
  start(): Promise<void>;
  signIn(token: string): Promise<void>;
  signOut(): Promise<void>;
  expire(): void;
}

export function createSessionStore(transport: () => PageTransport): SessionStore {
  const state = signal<SessionState>({ kind: "asking" });
  const last = signal<Identity | undefined>(undefined);
  const enter = (who: Identity): void => {
    last.value = who;
    state.value = { kind: "in", who };
  };
  const signIn = async (token: string): Promise<void> => {
    const { path } = operations.createSession;
    enter(await transport().withToken(token).json<Identity>({ method: "POST", path }));
  };
  return {
    state,
    last,
    signIn,
    start: async () => {
      const given = takeToken();
      if (given !== undefined) return signIn(given);
      enter(await transport().json<Identity>({ method: "GET", path: operations.getIdentity.path }));
    },
    signOut: async () => {
      await transport().json({ method: "DELETE", path: operations.deleteSession.path });
      last.value = undefined;
      state.value = { kind: "out", expired: false };
    },
    expire: () => {
      state.value = { kind: "out", expired: last.value !== undefined };
    },
  };
}

/** A link may bring a token behind its #, which no server sees; it does not stay in the address. */
function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
  if (token !== undefined) history.replaceState(null, "", `${location.pathname}${location.search}`);
  return token;
}
