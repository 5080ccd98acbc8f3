import { SlipwayError } from "#common/domain/errors.ts";
import { HealthCheckResponse_ServingStatus as Serving } from "#proto/grpc/health/v1/health.ts";
import type { HealthCheckResponse, HealthServiceImplementation } from "#proto/grpc/health/v1/health.ts";

import type { Progress } from "./health.ts";

/** The standard health service for the whole server and each of its services. */
export function createHealth(
  serviceNames: readonly string[],
  progress: Pick<Progress, "alive"> = { alive: () => true },
): {
  implementation: HealthServiceImplementation;
  setServing(serving: boolean): void;
} {
  const known = new Set(["", ...serviceNames]);
  let serving = false;
  let changed = Promise.withResolvers<void>();

  const answer = (service: string): HealthCheckResponse => {
    if (!known.has(service)) return { status: Serving.SERVICE_UNKNOWN };
    return { status: serving && progress.alive() ? Serving.SERVING : Serving.NOT_SERVING };
  };
  return {
    setServing: (next) => {
      if (next === serving) return;
      serving = next;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    implementation: {
      check: async ({ service }) => {
        if (!known.has(service)) throw new SlipwayError("NOT_FOUND", { detail: `no service ${service}` });
        return answer(service);
      },
      watch: async function* watch({ service }, { signal }) {
        const over = aborted(signal);
        while (!signal.aborted) {
          const change = changed.promise;
          yield answer(service);
          await Promise.race([change, over]);
        }
      },
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
