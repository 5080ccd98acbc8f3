import { errorCatalogue, SlipwayError, type ErrorCode } from "#common/domain/errors.ts";
import type { JobErrorRow } from "#common/store/schema.ts";

/** An error as a job keeps it: code, title, and what a person needs; never a stack. */
export function toErrorRow(error: SlipwayError | ErrorCode, detail?: string): JobErrorRow {
  if (error instanceof SlipwayError) {
    return {
      code: error.code,
      title: errorCatalogue[error.code].title,
      detail: error.detail ?? detail ?? null,
      hint: error.hint ?? null,
    };
  }
  return { code: error, title: errorCatalogue[error].title, detail: detail ?? null, hint: null };
}
