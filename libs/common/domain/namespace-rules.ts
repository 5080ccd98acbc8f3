import { matchesGlob } from "./glob.ts";

/** Which namespaces an environment sees and releases to; `*` in a pattern stands for any characters. */
export interface NamespaceRules {
  /** All, when absent. */
  readonly allow?: readonly string[] | undefined;
  /** Taken out of those allowed. */
  readonly deny?: readonly string[] | undefined;
}

/** Whether the namespace is one of the environment's. */
export function isNamespaceSeen(rules: NamespaceRules | undefined, namespace: string): boolean {
  const { allow, deny = [] } = rules ?? {};
  const isAllowed = allow === undefined || allow.some((pattern) => matchesGlob(pattern, namespace));
  return isAllowed && !deny.some((pattern) => matchesGlob(pattern, namespace));
}

/** The namespaces when each is called by its name; undefined when only the cluster knows which they are. */
export function namedNamespaces(rules: NamespaceRules | undefined): readonly string[] | undefined {
  const allow = rules?.allow;
  if (allow === undefined || allow.some((pattern) => pattern.includes("*"))) return undefined;
  return [...new Set(allow)].filter((namespace) => isNamespaceSeen(rules, namespace));
}
