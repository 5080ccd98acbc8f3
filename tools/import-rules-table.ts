import picomatch from "picomatch";

/** One way in: the packages behind a door and the files that may open it. */
interface Door {
  readonly packages: readonly string[];
  readonly from: readonly string[];
  /** Who may name its types (`import type`) without opening it. */
  readonly typesFrom?: readonly string[];
}

/** Each outside library has one door; elsewhere our own words are spoken. */
export const doors: readonly Door[] = [
  { packages: ["simple-git"], from: ["services/release-worker/git/**"] },
  { packages: ["@kubernetes/client-node"], from: ["libs/common/kit/kube*.ts"] },
  {
    packages: ["undici"],
    from: ["services/registry-scanner/oci/**", "libs/common/kit/kube*.ts", "test/**", "sandbox/**"],
  },
  { packages: ["bullmq", "ioredis"], from: ["libs/common/kit/queue*.ts", "test/support/**"] },
  {
    packages: ["nice-grpc-common"],
    from: ["libs/common/kit/grpc*.ts", "proto/gen/**"],
    typesFrom: ["services/**"],
  },
  { packages: ["@grpc/grpc-js", "nice-grpc*"], from: ["libs/common/kit/grpc*.ts", "proto/gen/**"] },
  { packages: ["croner"], from: ["libs/common/domain/cron.ts"] },
  { packages: ["@peculiar/x509", "reflect-metadata"], from: ["libs/common/kit/issue-certificates.ts"] },
  { packages: ["preact", "@preact/signals"], from: ["web/**"] },
  { packages: ["uplot"], from: ["web/parts/chart.tsx"] },
  { packages: ["vite"], from: ["web/vite.config.ts", "tools/**"] },
  { packages: ["playwright-core", "axe-core"], from: ["test/**"], typesFrom: ["tools/**", "bench/**"] },
  { packages: ["@opentelemetry/*"], from: ["libs/common/kit/otel*.ts"] },
  { packages: ["jose"], from: ["services/api/access/**", "test/**"] },
  { packages: ["pg", "kysely"], from: ["libs/common/store/**", "test/support/**", "tools/**"] },
];

/** Rooms that may import only what is listed here. */
interface PureRoom {
  readonly rule: "domain-pure" | "contracts-pure";
  readonly inside: string;
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

export const pureRooms: readonly PureRoom[] = [
  {
    rule: "domain-pure",
    inside: "libs/common/domain/**",
    files: ["libs/common/domain/**"],
    packages: ["yaml", "semver", "picomatch", "re2js", "croner"],
  },
  {
    rule: "contracts-pure",
    inside: "libs/common/contracts/**",
    files: ["libs/common/domain/**", "libs/common/contracts/**"],
    packages: ["zod"],
  },
];

/** Whether a path or package name fits one of the globs. */
export function matches(name: string, globs: readonly string[]): boolean {
  return globs.some((glob) => picomatch.isMatch(name, glob));
}
