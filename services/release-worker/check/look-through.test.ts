import { expect, test } from "vitest";

import type { EnvironmentSettings } from "#common/contracts/settings.ts";

import { createFakeGitCache } from "../git/git-cache.fake.ts";
import { lookThrough } from "./look-through.ts";

const environment = { defaultNamespace: "default", git: { paths: ["deploy"] } } as EnvironmentSettings;

const deployment = (name: string, image = "web:1") =>
  `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: web
        image: ${image}
`;

async function look(files: Readonly<Record<string, string>>, notInGit: readonly string[] = []) {
  const git = createFakeGitCache();
  const commit = git.commit(files);
  return lookThrough({ git, commit, environment, notInGit });
}

test("finds where outside the paths a workload is declared, and only those asked for", async () => {
  const found = await look(
    {
      "deploy/web.yaml": deployment("web"),
      "infra/ingress.yaml": deployment("ingress"),
      "infra/other.yaml": deployment("other"),
      "infra/broken.yaml": "a: [",
      "README.md": "kind: Deployment",
    },
    ["shop:deployment/ingress", "shop:deployment/absent"],
  );
  expect(found).toEqual({
    outside: [{ workload: "shop:deployment/ingress", path: "infra/ingress.yaml" }],
    writers: [],
    whole: true,
  });
});

test("finds the marks of others that write images, markers only in the paths", async () => {
  const marked = deployment("web", 'web:1 # {"$imagepolicy": "flux-system:web"}');
  const { writers } = await look({
    "deploy/web.yaml": marked,
    "other/web.yaml": marked,
    "flux/auto.yaml": "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\n",
    "apps/shop.yaml": "metadata:\n  annotations:\n    argocd-image-updater.argoproj.io/image-list: web=web\n",
    "apps/.argocd-source-shop.yaml": "kustomize: {}\n",
  });
  expect(writers).toEqual([
    { tool: "argo-cd", path: "apps/.argocd-source-shop.yaml", line: 1 },
    { tool: "argo-cd", path: "apps/shop.yaml", line: 3 },
    { tool: "flux", path: "deploy/web.yaml", line: 9 },
    { tool: "flux", path: "flux/auto.yaml", line: 2 },
  ]);
});
