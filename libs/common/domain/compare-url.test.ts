import { expect, test } from "vitest";
import { compareUrl } from "./compare-url.ts";

const of = (url: string, template?: string) =>
  compareUrl({ url, branch: "main", proposal: "slipway/1", template });

test.each([
  ["https://github.com/shop/config.git", "https://github.com/shop/config/compare/main...slipway%2F1"],
  ["git@github.com:shop/config.git", "https://github.com/shop/config/compare/main...slipway%2F1"],
  ["ssh://git@codeberg.org:22/shop/config", "https://codeberg.org/shop/config/compare/main...slipway%2F1"],
  [
    "https://gitlab.example.com/a/b/config.git",
    "https://gitlab.example.com/a/b/config/-/merge_requests/new?merge_request%5Bsource_branch%5D=slipway%2F1&merge_request%5Btarget_branch%5D=main",
  ],
  [
    "https://bitbucket.org/shop/config",
    "https://bitbucket.org/shop/config/pull-requests/new?source=slipway%2F1&dest=main",
  ],
])("%s has a page for opening the merge", (url, page) => {
  expect(of(url)).toBe(page);
});

test("a host that is not known has none, unless the settings say how", () => {
  expect(of("https://git.example.com/shop/config.git")).toBeUndefined();
  expect(of("https://git.example.com/shop.git", "https://review.example.com/{proposal}?into={branch}")).toBe(
    "https://review.example.com/slipway%2F1?into=main",
  );
});
