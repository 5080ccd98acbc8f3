import { useSignal } from "@preact/signals";

import type { EnvironmentCheck } from "#common/contracts/environment-check.ts";
import type { Environment } from "#common/contracts/http.ts";

import { agoWords, shortCommit } from "../core/format.ts";
import { mayDo } from "../core/rights.ts";
import { Ago } from "../parts/ago.tsx";
import { AuditPanel } from "../parts/audit-panel.tsx";
import { Badge } from "../parts/badge.tsx";
import { CheckView } from "../parts/check-view.tsx";
import { Empty, Skeleton } from "../parts/empty.tsx";
import { FreezeDialog } from "../parts/freeze-dialog.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { TokensPanel } from "../parts/tokens-panel.tsx";
import { useApp } from "../state/app.ts";
import type { Loaded } from "../state/workloads.ts";

/** What is connected and how it is: for whoever runs the place. */
export function EnvironmentsPage() {
  const { environments, session } = useApp();
  const who = session.last.value;
  const all = environments.all.value;
  if (all === undefined) return <Skeleton lines={6} label="Loading environments" />;
  return (
    <>
      <h1 class="page-title">Environments</h1>
      {all.length === 0 ? <Empty title="No environment is configured" /> : null}
      {all.map((one) => (
        <EnvironmentCard key={one.name} environment={one} />
      ))}
      {mayDo(who, "listTokens") ? <TokensPanel /> : null}
      {mayDo(who, "listAudit") ? <AuditPanel /> : null}
    </>
  );
}

function EnvironmentCard({ environment }: { readonly environment: Environment }) {
  const { api } = useApp();
  const check = useSignal<Loaded<EnvironmentCheck> | undefined>(undefined);
  const ask = async (): Promise<void> => {
    check.value = { kind: "loading" };
    try {
      check.value = { kind: "ready", value: await api.checkEnvironment(environment.name) };
    } catch (error) {
      check.value = { kind: "failed", error };
    }
  };
  return (
    <section class="card" aria-label={environment.name}>
      <header class="section-head">
        <h2>
          {environment.name} <Badge>{environment.mode}</Badge>
        </h2>
        <div class="button-row">
          <FreezeButton environment={environment} />
          <button type="button" disabled={check.value?.kind === "loading"} onClick={() => void ask()}>
            {check.value?.kind === "loading" ? "Checking…" : "Check all connections"}
          </button>
        </div>
      </header>
      <EnvironmentFacts environment={environment} />
      {check.value?.kind === "loading" ? <Skeleton lines={5} label="Checking" /> : null}
      {check.value?.kind === "failed" ? (
        <ProblemNote error={check.value.error} onRetry={() => void ask()} />
      ) : null}
      {check.value?.kind === "ready" ? <CheckView check={check.value.value} /> : null}
    </section>
  );
}

function EnvironmentFacts({ environment }: { readonly environment: Environment }) {
  const { environments, clock } = useApp();
  void clock.now.value;
  const { age, git, windows, freezes } = environment;
  const sinceMs = performance.now() - environments.readAtMs.value;
  const old = (ms: number | null): string => (ms === null ? "never read" : `read ${agoWords(ms + sinceMs)}`);
  return (
    <dl class="facts">
      <Fact name="Config repository">
        <span class="break mono">{git.url}</span> <span class="muted">{git.branch}</span>{" "}
        <span class="muted mono">{git.paths.join(", ")}</span>
      </Fact>
      <Fact name="Tip">
        {age.gitCommit === null ? "—" : <code>{shortCommit(age.gitCommit)}</code>} {old(age.gitMs)}
        {age.gitProblem === null ? null : <span class="bad-text"> {age.gitProblem}</span>}
      </Fact>
      <Fact name="Cluster">
        {old(age.clusterMs)}
        {age.clusterComplete ? "" : ", not complete yet"}
        {age.clusterProblem === null ? null : <span class="bad-text"> {age.clusterProblem}</span>}
      </Fact>
      {age.imagesMs === null ? null : <Fact name="Registries">{old(age.imagesMs)}</Fact>}
      <Fact name="Windows">
        {windows.length === 0 ? "none: releases may always run" : null}
        {windows.map((one, index) => (
          <span key={index} class="window-now">
            <Badge tone={one.open ? "good" : "warn"}>{one.open ? "open" : "closed"}</Badge>{" "}
            {one.namespaces === null ? "everything" : one.namespaces.join(", ")}
            {one.until === null ? null : (
              <span class="muted">
                {" "}
                {one.open ? "closes" : "opens"} <Ago at={one.until} />
              </span>
            )}
            {one.reason === null ? "" : ` (${one.reason})`}
          </span>
        ))}
      </Fact>
      <Fact name="Freezes">
        {freezes.length === 0 ? "none" : null}
        {freezes.map((freeze) => (
          <FreezeRow key={freeze.namespace ?? ""} environment={environment.name} freeze={freeze} />
        ))}
      </Fact>
    </dl>
  );
}

function FreezeRow(props: { readonly environment: string; readonly freeze: Environment["freezes"][number] }) {
  const { api, session, environments, notice } = useApp();
  const { freeze } = props;
  const lift = async (): Promise<void> => {
    try {
      await api.unfreeze(props.environment, freeze.namespace ?? undefined);
      await environments.load();
    } catch (error) {
      notice.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <span class="freeze-row">
      <Badge tone="warn">{freeze.namespace ?? "everything"}</Badge> <span dir="auto">{freeze.reason}</span>{" "}
      <span class="muted">
        {freeze.by}, <Ago at={freeze.since} />
      </span>
      {mayDo(session.last.value, "liftFreeze", { environment: props.environment }) ? (
        <button type="button" class="small" onClick={() => void lift()}>
          Lift
        </button>
      ) : null}
    </span>
  );
}

function FreezeButton({ environment }: { readonly environment: Environment }) {
  const { session } = useApp();
  const open = useSignal(false);
  if (!mayDo(session.last.value, "setFreeze", { environment: environment.name })) return null;
  return (
    <>
      <button type="button" onClick={() => void (open.value = true)}>
        Freeze…
      </button>
      {open.value ? (
        <FreezeDialog environment={environment.name} onClose={() => void (open.value = false)} />
      ) : null}
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
