import type { TokenAsk, TokenGrant } from "#common/store/registry-hosts.ts";
import type { HostRows } from "./host-tokens.ts";

/** One host's row in memory, with what it was asked. */
export interface FakeHostRows extends HostRows {
  readonly asked: TokenAsk[];
  /** What is there to be taken; people may take as much in advance. */
  fill(tokens: number): void;
  /** As if another scanner had recorded it. */
  set(state: Partial<Pick<TokenGrant, "leftAloneMs" | "silentMs" | "troubled">>): void;
  readonly answers: { count: number };
}

export function createFakeHostRows(): FakeHostRows {
  const asked: TokenAsk[] = [];
  const answers = { count: 0 };
  let tokens = 0;
  let state = { leftAloneMs: 0, silentMs: 0, troubled: false };
  return {
    asked,
    answers,
    fill: (count) => void (tokens = count),
    set: (next) => void (state = { ...state, ...next }),
    async take(ask) {
      asked.push(ask);
      const room = Math.max(0, Math.floor(tokens - ask.atLeast));
      const granted = state.leftAloneMs > 0 ? 0 : Math.min(ask.want, room);
      tokens -= granted;
      return { granted, waitMs: 1_000, ...state };
    },
    refused: async ({ forMs = 5_000 }) => forMs,
    silent: async () => undefined,
    answered: async () => void (answers.count += 1),
  };
}
