import type { FastifyInstance, RawServerDefault, FastifyBaseLogger } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { QueueName, Subject } from "#common/contracts/queue.ts";
import type { Settings } from "#common/contracts/settings.ts";
import type { Clock } from "#common/kit/clock.ts";
import type { Dependency } from "#common/kit/health.ts";
import type { Log } from "#common/kit/log.ts";
import type { Bell } from "#common/kit/queue.ts";
import type { SecretReader } from "#common/kit/settings.ts";
import type { Tracing } from "#common/kit/tracing.ts";
import type { Store } from "#common/store/store.ts";
import type { ClusterServiceClient } from "#proto/slipway/cluster/v1/cluster.ts";
import type { RegistryServiceClient } from "#proto/slipway/registry/v1/registry.ts";
import type { ReleaseServiceClient } from "#proto/slipway/release/v1/release.ts";

import type { Budgets } from "./access/budgets.ts";
import type { Cursors } from "./access/cursors.ts";
import type { Principals } from "./access/principals.ts";
import type { ApiMetrics } from "./metrics.ts";

/** What the process is made of; put together once in main.ts. */
export interface ApiParts {
  readonly settings: Settings;
  readonly store: Store;
  readonly bell: Pick<Bell, "ring">;
  readonly cluster: ClusterServiceClient;
  readonly registry: RegistryServiceClient;
  /** One per worker address; a plan is asked of one, and of a second when the first is away. */
  readonly workers: readonly ReleaseServiceClient[];
  readonly dependencies: readonly Dependency[];
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly writesPerMinute: number;
  readonly metrics: ApiMetrics;
  /** Spans of requests are told; none, when absent. */
  readonly tracing?: Pick<Tracing, "begin">;
  /** The secret that settings name, read anew at each call; undefined where they name none. */
  readonly secretOf: SecretReader;
  /** Proxies whose word about the client's address is believed; none, when absent. */
  readonly trustedProxies?: readonly string[];
}

/** As the routes see it: the settings are stored by now. */
export interface ApiDeps extends ApiParts {
  readonly settingsRevision: bigint;
  readonly principals: Principals;
  readonly budgets: Budgets;
  readonly cursors: Cursors;
  /** Tells workers to look; a hint that never fails and that nobody waits for. */
  readonly ring: (queue: QueueName, subject: Subject) => void;
}

/** The Fastify instance with our schemas' types. */
export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
