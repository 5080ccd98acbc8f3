import { posix } from "node:path";

import { parseSync } from "oxc-parser";

import { findCycles } from "./import-cycles.ts";
import { doors, matches, pureRooms } from "./import-rules-table.ts";

/** The walls of the house as a check: who may import what (docs and table: import-rules-table.ts). */

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly source: string;
}

export type Rule =
  | "contracts-pure"
  | "cycle"
  | "domain-pure"
  | "door"
  | "libs-below"
  | "parse"
  | "process-env"
  | "service-isolation"
  | "test-code";

export interface Violation {
  readonly path: string;
  readonly rule: Rule;
  readonly detail: string;
}

/** One import of a file: of another file of ours, or of a package or builtin. */
export interface Import {
  readonly from: string;
  /** A path of ours, or undefined for a package. */
  readonly file: string | undefined;
  /** `pg`, `@grpc/grpc-js`, `node:fs`; undefined for a file of ours. */
  readonly package: string | undefined;
  readonly typeOnly: boolean;
}

/** Every offence against the import rules, ordered by path. Pure: it is given the sources. */
export function checkImports(files: readonly SourceFile[]): Violation[] {
  const parsed = files.map(parse);
  const imports = parsed.flatMap((file) => file.imports);
  return [
    ...parsed.flatMap((file) => file.violations),
    ...imports.flatMap(importViolations),
    ...findCycles(imports).map(({ path, cycle }): Violation => ({
      path,
      rule: "cycle",
      detail: cycle.join(" → "),
    })),
  ].sort((a, b) => a.path.localeCompare(b.path));
}

function importViolations(found: Import): readonly Violation[] {
  const rules = [doorRule, pureRule, isolationRule, belowRule, testCodeRule];
  return rules.flatMap((rule) => rule(found) ?? []);
}

function doorRule(found: Import): Violation | undefined {
  const door = doors.find(({ packages }) => found.package !== undefined && matches(found.package, packages));
  if (door === undefined || matches(found.from, door.from)) return undefined;
  if (found.typeOnly && matches(found.from, door.typesFrom ?? [])) return undefined;
  return offence(found, "door", `${found.package} only behind ${door.from.join(", ")}`);
}

function pureRule(found: Import): Violation | undefined {
  if (isTestCode(found.from)) return undefined;
  const room = pureRooms.find(({ inside }) => matches(found.from, [inside]));
  if (room === undefined) return undefined;
  const target = found.file ?? found.package ?? "";
  if (matches(target, found.file === undefined ? room.packages : room.files)) return undefined;
  return offence(found, room.rule, `must not import ${target}`);
}

function isolationRule(found: Import): Violation | undefined {
  const [own, other] = [serviceOf(found.from), serviceOf(found.file ?? "")];
  if (own === undefined || other === undefined || own === other) return undefined;
  return offence(found, "service-isolation", `the service ${own} must not import ${found.file}`);
}

function belowRule(found: Import): Violation | undefined {
  if (!found.from.startsWith("libs/") || !/^(services|cli|web)\//.test(found.file ?? "")) return undefined;
  return offence(found, "libs-below", `must not import ${found.file}`);
}

function testCodeRule(found: Import): Violation | undefined {
  if (!isProduction(found.from) || found.file === undefined) return undefined;
  if (!isTestCode(found.file) || found.file.startsWith("sandbox/demo/")) return undefined;
  return offence(found, "test-code", `production code must not import ${found.file}`);
}

function offence(found: Import, rule: Rule, detail: string): Violation {
  return { path: found.from, rule, detail };
}

function serviceOf(path: string): string | undefined {
  return /^services\/([^/]+)\//.exec(path)?.[1];
}

function isProduction(path: string): boolean {
  return /^(cli|web|services|libs)\//.test(path) && !isTestCode(path);
}

function isTestCode(path: string): boolean {
  return /\.(test|fake|contract|bench)\.tsx?$/.test(path) || /^(test|sandbox)\/|(^|\/)testing\//.test(path);
}

interface Parsed {
  readonly imports: readonly Import[];
  readonly violations: readonly Violation[];
}

function parse({ path, source }: SourceFile): Parsed {
  const { program, errors } = parseSync(path, source);
  const broken = errors.map((error): Violation => ({ path, rule: "parse", detail: error.message }));
  const imports: Import[] = [];
  let readsEnv = false;
  walk(program, (node) => {
    const found = specifierOf(node);
    if (found !== undefined) imports.push(resolveImport(path, found));
    readsEnv ||= isEnvRead(node);
  });
  const env: Violation = { path, rule: "process-env", detail: "process.env is read in main.ts only" };
  return { imports, violations: readsEnv && !mayReadEnv(path) ? [...broken, env] : broken };
}

function mayReadEnv(path: string): boolean {
  return /(^|\/)main\.ts$|\.config\.ts$|\.test\.ts$|^(tools|test|bench)\//.test(path);
}

interface Specifier {
  readonly text: string;
  readonly typeOnly: boolean;
}

/** An AST node as far as we look at it. */
type Node = Readonly<Record<string, unknown>> & { readonly type: string };

function specifierOf(node: Node): Specifier | undefined {
  const text = literal(node["source"]) ?? literal(node["argument"]);
  if (text === undefined) return undefined;
  switch (node.type) {
    case "ImportDeclaration":
      return { text, typeOnly: node["importKind"] === "type" };
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      return { text, typeOnly: node["exportKind"] === "type" };
    case "ImportExpression":
      return { text, typeOnly: false };
    case "TSImportType":
      return { text, typeOnly: true };
    default:
      return undefined;
  }
}

/** `process.env`, `process["env"]`, `{ env } = process`, `import { env } from "node:process"`. */
function isEnvRead(node: Node): boolean {
  if (node.type === "MemberExpression") {
    return isProcess(node["object"]) && (nameOf(node["property"]) ?? literal(node["property"])) === "env";
  }
  if (node.type === "VariableDeclarator") return isProcess(node["init"]) && names(node["id"]).includes("env");
  if (node.type !== "ImportDeclaration" || !/^(node:)?process$/.test(literal(node["source"]) ?? "")) {
    return false;
  }
  return names(node).includes("env");
}

function isProcess(value: unknown): boolean {
  if (!isNode(value)) return false;
  if (value.type === "MemberExpression") return nameOf(value["property"]) === "process";
  return nameOf(value) === "process";
}

/** Names that a destructuring or an import takes out of its source. */
function names(value: unknown): readonly string[] {
  if (!isNode(value)) return [];
  const parts = [value["properties"], value["specifiers"]].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  return parts.filter(isNode).flatMap((part) => nameOf(part["key"]) ?? nameOf(part["imported"]) ?? []);
}

function nameOf(value: unknown): string | undefined {
  return isNode(value) && typeof value["name"] === "string" ? value["name"] : undefined;
}

function literal(value: unknown): string | undefined {
  return isNode(value) && value.type === "Literal" && typeof value["value"] === "string"
    ? value["value"]
    : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
    return;
  }
  if (!isNode(value)) return;
  visit(value);
  for (const child of Object.values(value)) walk(child, visit);
}

const aliases: Readonly<Record<string, string>> = {
  "#common/": "libs/common/",
  "#proto/": "proto/gen/",
  "#sandbox/": "sandbox/",
  "#support/": "test/support/",
};

function resolveImport(from: string, { text, typeOnly }: Specifier): Import {
  const alias = Object.keys(aliases).find((prefix) => text.startsWith(prefix));
  if (alias !== undefined) {
    return { from, typeOnly, package: undefined, file: `${aliases[alias]}${text.slice(alias.length)}` };
  }
  if (text.startsWith(".")) {
    const file = posix.normalize(posix.join(posix.dirname(from), text));
    return { from, typeOnly, package: undefined, file };
  }
  const name = text.startsWith("@") ? text.split("/").slice(0, 2).join("/") : text.split("/")[0];
  return { from, typeOnly, package: name, file: undefined };
}
