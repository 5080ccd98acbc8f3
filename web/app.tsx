import { useEffect } from "preact/hooks";

import { Empty, Skeleton } from "./parts/empty.tsx";
import { Help } from "./parts/help.tsx";
import { Notice } from "./parts/notice.tsx";
import { TopBar } from "./parts/top-bar.tsx";
import { useKeys } from "./parts/use-keys.ts";
import { EnvironmentsPage } from "./pages/environments.tsx";
import { JobPage } from "./pages/job.tsx";
import { JobsPage } from "./pages/jobs.tsx";
import { ReleasePage } from "./pages/release.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { WorkloadPage } from "./pages/workload.tsx";
import { WorkloadsPage } from "./pages/workloads.tsx";
import { useApp } from "./state/app.ts";
import type { App as PageApp } from "./state/app.ts";

const refreshMs = 15_000;

/** The page: who is signed in decides whether there is anything but a question. */
export function App() {
  const app = useApp();
  const { state } = app.session;
  const isIn = state.value.kind === "in";
  const environment = app.environments.chosen.value?.name;
  useEffect(() => {
    if (!isIn) return undefined;
    const load = (): void => void app.environments.load().catch(() => undefined); // the live sign tells that the server is away
    load();
    const timer = setInterval(load, refreshMs);
    const off = app.live.on("environment", load);
    return () => {
      clearInterval(timer);
      off();
    };
  }, [isIn]);
  useEffect(() => {
    if (!isIn || environment === undefined) return undefined;
    app.live.follow(environment);
    const count = (): void => void countWaiting(app, environment);
    count();
    const off = app.live.on("jobs", count);
    return () => {
      off();
      app.live.stop();
    };
  }, [isIn, environment]);
  useShortcuts(app);

  if (state.value.kind === "asking") return <Skeleton lines={1} label="Signing in" />;
  if (state.value.kind === "out" && !state.value.expired) return <SignIn />;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <TopBar />
      <main id="main" tabIndex={-1}>
        <Page app={app} />
      </main>
      <Notice />
      {app.helpOpen.value ? <Help /> : null}
      {state.value.kind === "out" ? <SignIn again /> : null}
    </>
  );
}

const mostWaiting = 100;

async function countWaiting({ api, waiting }: PageApp, environment: string): Promise<void> {
  const jobs = await api.jobs({ environment, phase: "waiting" }, mostWaiting).catch(() => undefined); // told again with the next change
  if (jobs !== undefined) waiting.value = jobs.length;
}

function Page({ app }: { readonly app: PageApp }) {
  const route = app.router.route.value;
  useEffect(() => {
    document.title = titleOf(route);
  }, [route]);
  switch (route.page) {
    case "workloads":
      return <WorkloadsPage />;
    case "workload":
      return <WorkloadPage key={JSON.stringify(route)} of={route} />;
    case "release":
      return <ReleasePage {...route} />;
    case "jobs":
      return <JobsPage />;
    case "job":
      return <JobPage key={route.id} id={route.id} />;
    case "environments":
      return <EnvironmentsPage />;
    case "nowhere":
      return (
        <Empty title="There is nothing at this address">
          <a href="/">All workloads</a>
        </Empty>
      );
    default:
      return route satisfies never;
  }
}

function titleOf(route: PageApp["router"]["route"]["value"]): string {
  switch (route.page) {
    case "workload":
      return `${route.namespace}/${route.name} · Slipway`;
    case "job":
      return `Job ${route.id.replaceAll("-", "").slice(-8)} · Slipway`;
    default:
      return `${route.page.slice(0, 1).toUpperCase()}${route.page.slice(1)} · Slipway`;
  }
}

function useShortcuts(app: PageApp): void {
  const { router } = app;
  useKeys({
    "?": () => void (app.helpOpen.value = true),
    "g w": () => router.go("/"),
    "g j": () => router.go("/jobs"),
    "g e": () => router.go("/environments"),
  });
}
