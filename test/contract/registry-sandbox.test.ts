import { createSandboxRegistry } from "#sandbox/registry/registry.ts";
import { registryContract } from "./registry.contract.ts";

registryContract("sandbox registry", async (kind) => {
  const auth = { username: "scanner", password: "not-a-secret" };
  const registry = createSandboxRegistry(kind === "none" ? {} : { auth: { ...auth, kind } });
  await registry.start();
  return { url: registry.url, ...(kind !== "none" && { auth }), stop: () => registry.stop() };
});
