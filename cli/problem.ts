/** What the process ends with; SURFACE: pipelines branch on these. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  rolledBack: 3,
  notOver: 4,
  cancelled: 5,
  unreachable: 6,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface ProblemParts {
  /** A code of the catalogue, or one of the command line's own (USAGE, UNREACHABLE, …). */
  readonly code: string;
  readonly title: string;
  readonly exitCode: ExitCode;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly candidates?: readonly string[] | undefined;
  readonly requestId?: string | undefined;
  /** HTTP status when a server answered. */
  readonly status?: number | undefined;
  readonly cause?: unknown;
}

/** Everything the command line ends with on purpose, with what to do about it. */
export class CliProblem extends Error {
  readonly parts: ProblemParts;

  constructor(parts: ProblemParts) {
    super(parts.detail === undefined ? parts.title : `${parts.title}: ${parts.detail}`, {
      cause: parts.cause,
    });
    this.name = "CliProblem";
    this.parts = parts;
  }

  get code(): string {
    return this.parts.code;
  }

  get exitCode(): ExitCode {
    return this.parts.exitCode;
  }
}

/** A mistake in what was typed: exit 2. */
export function usageProblem(title: string, hint?: string): CliProblem {
  return new CliProblem({ code: "USAGE", title, hint, exitCode: exitCodes.usage });
}
