import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SlipwayError } from "#common/domain/errors.ts";

const oldestGit = [2, 39] as const;

/** What the demo cannot bring itself; names what is missing and how to get it. */
export async function checkPrerequisites(): Promise<void> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 22)) {
    throw new SlipwayError("PREREQUISITE_MISSING", {
      detail: `Node ${process.versions.node} cannot run TypeScript as it is`,
      hint: "run it by npm (npm run demo): npm brings its own Node on Linux; elsewhere install Node 22.22 or newer",
    });
  }
  const version = await gitVersion();
  const [gitMajor = 0, gitMinor = 0] = version.split(".").map(Number);
  if (gitMajor > oldestGit[0] || (gitMajor === oldestGit[0] && gitMinor >= oldestGit[1])) return;
  throw new SlipwayError("PREREQUISITE_MISSING", {
    detail: `git ${version} is too old: ${oldestGit.join(".")} or newer is needed`,
    hint: "install a newer git, e.g. from your system's packages",
  });
}

async function gitVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("git", ["--version"]);
    return /\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? "0.0";
  } catch (cause) {
    throw new SlipwayError("PREREQUISITE_MISSING", {
      detail: "git was not found on the PATH",
      hint: "install git 2.39 or newer, e.g. apt-get install git",
      cause,
    });
  }
}
