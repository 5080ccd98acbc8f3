import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { createApiClient } from "../../cli/api-client.ts";
import type { ApiClient } from "../../cli/api-client.ts";
import { sleep } from "../io/sleep.ts";
import { createPageTransport } from "../io/transport.ts";
import type { PageTransport } from "../io/transport.ts";
import { createPageClock } from "./clock.ts";
import type { PageClock } from "./clock.ts";
import { createEnvironmentsStore } from "./environments.ts";
import type { EnvironmentsStore } from "./environments.ts";
import { createLive } from "./live.ts";
import type { Live } from "./live.ts";
import { createRouter } from "./router.ts";
import type { Router } from "./router.ts";
import { createSessionStore } from "./session.ts";
import type { SessionStore } from "./session.ts";
import { createWorkloadsStore } from "./workloads.ts";
import type { WorkloadsStore } from "./workloads.ts";

/** What every part of the page may use; put together once in main.tsx. */
export interface App {
  readonly api: ApiClient;
  readonly transport: PageTransport;
  readonly clock: PageClock;
  readonly router: Router;
  readonly session: SessionStore;
  readonly environments: EnvironmentsStore;
  readonly workloads: WorkloadsStore;
  readonly live: Live;
  /** Jobs of the environment that wait for somebody or something. */
  readonly waiting: Signal<number>;
  /** Said aloud by screen readers, and shown for a moment. */
  readonly notice: Signal<string>;
  readonly helpOpen: Signal<boolean>;
}

export function createPageApp(): App {
  const clock = createPageClock();
  const session: SessionStore = createSessionStore(() => transport);
  const transport: PageTransport = createPageTransport({
    fetch: (...given) => fetch(...given),
    sleep,
    onDate: (date) => clock.correct(date),
    onSignedOut: () => session.expire(),
  });
  const api = createApiClient(transport);
  return {
    api,
    transport,
    clock,
    session,
    router: createRouter(),
    environments: createEnvironmentsStore(api),
    workloads: createWorkloadsStore(api),
    live: createLive(transport),
    waiting: signal(0),
    notice: signal(""),
    helpOpen: signal(false),
  };
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("outside of the page");
  return app;
}
