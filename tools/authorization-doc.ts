import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { grpcPeers, serviceNames } from "#common/contracts/grpc-peers.ts";
import { operations, ruleOf } from "#common/contracts/operations.ts";
import type { OperationName, OperationSubject } from "#common/contracts/operations.ts";
import { roleAllows, roles } from "#common/domain/access.ts";

/** Makes docs/authorization.md of the tables that the services go by. `node tools/authorization-doc.ts` writes it. */
export const authorizationDoc = join(import.meta.dirname, "../docs/authorization.md");

const subjects: Readonly<Record<OperationSubject, string>> = {
  nothing: "no part of an installation; scopes do not count",
  filtered: "what lies in the scope is answered, and nothing tells of the rest: no count, cursor or error",
  workload: "the workload of the path; beyond the scope it is not found",
  workloads: "the workloads of the body; one beyond the scope refuses the whole, by name",
  job: "all that the job touches; otherwise the job is not found, or not to be acted on",
  tokens: "tokens no stronger than the one that asks; others are not made, shown or revoked",
  environment: "all of the environment; a scope of namespaces or workloads is not enough",
  installation: "everything; a narrowed scope is not enough",
};

/** The whole document. */
export function authorizationText(): string {
  return [
    "# Who may do what",
    "",
    "Made of the tables in `libs/common/contracts/operations.ts` and `grpc-peers.ts` by `node tools/authorization-doc.ts`; do not edit. The API does not start with a route that has no row, and `test/integration/authorization.test.ts` tries every row with every role and scope. What roles, scopes and tokens are stands in [access.md](access.md).",
    "",
    "## HTTP",
    "",
    ...table([
      ["Operation", "Route", ...roles, "About", "Audited"],
      ...(Object.keys(operations) as OperationName[]).map(httpRow),
    ]),
    "",
    "No role at all: probes, the API's description, and webhooks, which prove a secret of their own.",
    "",
    "## What an operation is about",
    "",
    ...table([["About", "What a scope does to it"], ...Object.entries(subjects)]),
    "",
    "## Between services (gRPC)",
    "",
    "Proved by certificates, see [tls.md](tls.md).",
    "",
    ...table([
      ["Method", ...serviceNames],
      ...Object.entries(grpcPeers).map(([method, peers]) => [
        `\`${method}\``,
        ...serviceNames.map((name) => (peers.includes(name) ? "yes" : "")),
      ]),
    ]),
    "",
  ].join("\n");
}

function httpRow(name: OperationName): readonly string[] {
  const { method, path, role, about, audited } = ruleOf(name);
  const allowed = roles.map((has) => (role === "public" ? "open" : roleAllows(has, role) ? "yes" : ""));
  return [name, `\`${method} ${path}\``, ...allowed, about, audited ? "yes" : ""];
}

function table([head = [], ...rows]: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
}

if (process.argv[1] === import.meta.filename) writeFileSync(authorizationDoc, authorizationText());

/** The document as it is stored. */
export function storedAuthorizationText(): string {
  return readFileSync(authorizationDoc, "utf8");
}
