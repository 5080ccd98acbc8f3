import { expect, test } from "vitest";

import { canonicalHost, pushedRepositories } from "./pushed-images.ts";

const host = "registry.example.com";
const namesIn = (payload: unknown, of = host, contentType = "application/json") =>
  pushedRepositories(Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload)), {
    contentType,
    host: of,
  });

const event = (repository: string, tag = "1.2.3") => ({
  action: "push",
  target: { mediaType: "application/vnd.oci.image.manifest.v1+json", repository, tag, digest: "sha256:1" },
  request: { host: "internal:5000", method: "PUT" },
});
const harbor = {
  type: "PUSH_ARTIFACT",
  event_data: {
    resources: [{ tag: "1.2.3", resource_url: "harbor.example.com/team/app:1.2.3" }],
    repository: { name: "app", namespace: "team", repo_full_name: "team/app", repo_type: "private" },
  },
};
const gitHub = {
  action: "published",
  package: {
    name: "app",
    namespace: "Team",
    package_type: "CONTAINER",
    package_version: { container_metadata: { tag: { name: "1.2.3" } } },
  },
  repository: { full_name: "Team/source", name: "source" },
};

test.each([
  ["distribution", { events: [event("team/app"), event("team/app", "2"), event("team/b")] }, ["app", "b"]],
  ["Azure", event("team/app"), ["app"]],
  ["Docker Hub", { push_data: { tag: "1.2.3" }, repository: { repo_name: "team/app" } }, ["app"]],
  ["Harbor", harbor, ["app"]],
  ["GitHub", gitHub, ["app"]],
  ["GitHub's older event", { registry_package: { name: "app", owner: { login: "team" } } }, ["app"]],
  ["Quay", { repository: "team/app", name: "app", updated_tags: ["1.2.3"] }, ["app"]],
  ["a pipeline by hand", { repository: "team/app", tag: "1.2.3" }, ["app"]],
  ["a name with its host", { repository: `${host}/team/app` }, ["app"]],
])("reads what %s names", (_who, payload, names) => {
  expect(namesIn(payload)).toEqual(names.map((name) => `${host}/team/${name}`));
});

test("reads GitHub's form, and Docker Hub's names without a namespace", () => {
  const form = new URLSearchParams({ payload: JSON.stringify(gitHub) }).toString();
  expect(namesIn(form, host, "application/x-www-form-urlencoded")).toEqual([`${host}/team/app`]);
  expect(namesIn({ repository: { repo_name: "nginx" } }, "docker.io")).toEqual(["docker.io/library/nginx"]);
});

test.each([
  "",
  "{",
  "null",
  "[]",
  "{}",
  '{"zen":"Keep it logically awesome."}',
  '{"events":{"target":{"repository":"team/app"}}}',
  '{"events":[null,1,{"target":null},{"target":{"repository":7}}]}',
  '{"repository":"team/app:1.2.3"}',
  '{"repository":"../../etc"}',
  '{"repository":"TEAM/APP"}',
  '{"repository":{"repo_name":["team/app"]},"event_data":[],"package":{"name":"app"}}',
  JSON.stringify({ repository: `team/${"a".repeat(300)}` }),
])("%s names no repository", (text) => {
  expect(namesIn(text)).toEqual([]);
});

test("whatever is written, it is of this registry: another one's name is a path below it", () => {
  expect(namesIn({ repository: "other.example.com/team/app" })).toEqual([
    `${host}/other.example.com/team/app`,
  ]);
  expect(namesIn({ repository: "docker.io/team/app" })).toEqual([`${host}/docker.io/team/app`]);
});

test("one call names a hundred repositories at most", () => {
  const events = Array.from({ length: 5_000 }, (_, at) => event(`team/app-${at}`));
  expect(namesIn({ events })).toHaveLength(100);
});

test("a registry is known by any spelling of its host", () => {
  expect(canonicalHost("index.docker.io")).toBe("docker.io");
  expect(canonicalHost("Registry.Example.com:5000")).toBe("registry.example.com:5000");
  for (const text of ["", "team", "a/b", "https://a.example.com", "a.example.com/b", "a b.example.com"]) {
    expect(canonicalHost(text)).toBeUndefined();
  }
});
