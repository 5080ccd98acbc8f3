import { describe } from "vitest";
import { dockerRegistryKind, hasDockerRegistry, startDockerRegistry } from "#support/docker-registry.ts";
import { registryContract } from "./registry.contract.ts";

describe.runIf(await hasDockerRegistry())("the real thing", () => {
  registryContract(dockerRegistryKind, startDockerRegistry);
});
