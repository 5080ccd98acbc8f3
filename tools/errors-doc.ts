import { allErrorWords } from "../services/api/description/error-page.ts";

const head = `# Error codes

Every refusal of the API is \`application/problem+json\` with a stable \`code\`; a job that fails has one in its \`error\`. \`type\` of a problem is \`/v1/errors/CODE\`: the API serves this page there, code by code. Programs rely on \`code\`, never on words.

Made from the catalogue (\`libs/common/domain/errors.ts\`) by \`npm run generate\`.
`;

/** docs/errors.md */
export function errorsDoc(): string {
  const sections = allErrorWords().map(
    ({ code, title, status, next, note }) =>
      `## ${code}\n\n${title}. HTTP status ${status}.\n\n${note === undefined ? "" : `${note}\n\n`}${next}\n`,
  );
  return [head, ...sections].join("\n");
}
