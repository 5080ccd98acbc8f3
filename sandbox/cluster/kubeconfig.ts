import { stringify } from "yaml";

/** A kubeconfig for a cluster behind plain HTTP on this host. */
export function kubeconfigYaml({ url, token }: { readonly url: string; readonly token: string }): string {
  const name = "sandbox";
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    // Clients want to be told that plain HTTP is meant.
    clusters: [{ name, cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
