import { expect, test } from "vitest";
import { nextPageQuery, parseNextLink } from "./link.ts";

test.each([
  ['</v2/a/tags/list?last=b&n=2>; rel="next"', "/v2/a/tags/list?last=b&n=2"],
  ["<https://x.example/v2/a/tags/list?last=b>;rel=next", "https://x.example/v2/a/tags/list?last=b"],
  ['</first>; rel="first", </next?n=1>; rel="next"', "/next?n=1"],
  ['</a,b?n=1>; title="x, <y>"; rel="prev next"', "/a,b?n=1"],
  ['</v2/?n=1>; REL="NEXT"', "/v2/?n=1"],
])("the next link of %s is found", (header, target) => {
  expect(parseNextLink(header)).toBe(target);
});

test.each([undefined, "", "<", "</a", '</a>; rel="prev"', "</a>", "rel=next", '</a>; title="rel=next'])(
  "%j names no next page",
  (header) => {
    expect(parseNextLink(header)).toBeUndefined();
  },
);

test("only the query is taken, whatever host and path the link names", () => {
  expect(nextPageQuery('<http://169.254.169.254/elsewhere?last=b&n=2#x>; rel="next"')).toBe("last=b&n=2");
  expect(nextPageQuery('</v2/a/tags/list>; rel="next"')).toBeUndefined();
  expect(nextPageQuery('</v2/a/tags/list?>; rel="next"')).toBeUndefined();
});
