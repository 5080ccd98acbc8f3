import { startGitHttp } from "#support/git-http.ts";

import { gitHostContract } from "./git.contract.ts";

gitHostContract("git http-backend", startGitHttp);
