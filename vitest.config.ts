import { defineConfig } from "vitest/config";

// Two projects: "unit" needs nothing but Node and takes seconds (part of `npm run check`);
// "system" speaks to real peers (Postgres, Redis, git, a registry, a control plane) and
// lists what it could not find at the end (test/support/skips.ts).
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{cli,services,libs,sandbox,tools,web}/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/**/*.test.ts"],
          exclude: ["test/engine/**"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        // What needs a container engine: `npm run test:compose`, apart from `npm test`.
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
