import { startSandboxGit } from "#support/git-sandbox.ts";

import { gitHostContract } from "./git.contract.ts";

gitHostContract("sandbox", startSandboxGit);
