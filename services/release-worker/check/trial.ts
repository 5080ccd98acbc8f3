import { SlipwayError, toSlipwayError } from "#common/domain/errors.ts";
import type { Trial } from "#proto/slipway/release/v1/release.ts";

/** How an attempt went, with what it gave. */
export type Tried<T> =
  | { readonly trial: Trial; readonly value: T }
  | { readonly trial: Trial; readonly value?: undefined };

/** Tries something; what goes wrong is an answer like any other, since the rest of a check goes on. */
export async function attempt<T>(act: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { trial: good, value: await act() };
  } catch (error) {
    return { trial: bad(toSlipwayError(error)) };
  }
}

export const good: Trial = { ok: true, code: "", detail: "", hint: "" };

export function bad({ code, detail, message, hint }: SlipwayError): Trial {
  return { ok: false, code, detail: detail ?? message, hint: hint ?? "" };
}
