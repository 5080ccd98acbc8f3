import { expect, test } from "vitest";

import { settings } from "./settings.ts";

const https = "https://git.example.com/shop/config.git";
const ssh = "git@git.example.com:shop/config.git";
const keys = { sshKeyFile: "/run/secrets/key", knownHostsFile: "/etc/slipway/known_hosts" };

test("git over ssh needs its key and the pinned host keys, each refused by name", () => {
  expect(faultsOf({ url: ssh })).toEqual([
    ["environments.0.git.sshKeyFile", "git over ssh needs sshKeyFile"],
    ["environments.0.git.knownHostsFile", "git over ssh needs knownHostsFile"],
  ]);
  expect(faultsOf({ url: ssh, sshKeyFile: "/k" })).toEqual([
    ["environments.0.git.knownHostsFile", "git over ssh needs knownHostsFile"],
  ]);
  expect(faultsOf({ url: https, knownHostsFile: "/h" })).toEqual([
    ["environments.0.git.sshKeyFile", "git over ssh needs sshKeyFile"],
  ]);
  expect(faultsOf({ url: ssh, ...keys })).toEqual([]);
  expect(faultsOf({ url: https })).toEqual([]);
});

test("the name of a key file cannot break a line of ssh's options", () => {
  expect(faultsOf({ url: ssh, ...keys, sshKeyFile: "key\n-oProxyCommand=x" })).toEqual([
    ["environments.0.git.sshKeyFile", "the name of a file"],
  ]);
});

test("two spellings of one repository on one branch are refused: they would share a lane ref", () => {
  const other = { url: ssh, ...keys };
  expect(faultsOf({ url: https }, other)).toEqual([
    [
      "environments.1.git.url",
      'is another spelling of the repository of environment "env-0" on the same branch; write both alike',
    ],
  ]);
  expect(faultsOf({ url: https }, { ...other, branch: "prod" })).toEqual([]);
  expect(faultsOf({ url: https }, { url: https })).toEqual([]);
});

test("a message template knows its placeholders and no others", () => {
  const url = https;
  expect(
    faultsOf({ url, messageTemplate: "{headline}\n\n{message}\n{changes} {requestedBy} {job}" }),
  ).toEqual([]);
  expect(faultsOf({ url, messageTemplate: "{user}: {headline}" })).toEqual([
    [
      "environments.0.git.messageTemplate",
      "{user} is none of {headline}, {message}, {changes}, {requestedBy}, {job}",
    ],
  ]);
});

function faultsOf(...gits: object[]): [string, string][] {
  const environments = gits.map((git, index) => ({
    name: `env-${index}`,
    cluster: { inCluster: true },
    git,
  }));
  const parsed = settings.safeParse({ environments });
  return parsed.success ? [] : parsed.error.issues.map((issue) => [issue.path.join("."), issue.message]);
}
