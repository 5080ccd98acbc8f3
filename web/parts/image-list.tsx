import { useSignal } from "@preact/signals";
import { Fragment } from "preact";

import type { Workload, WorkloadImages } from "#common/contracts/http.ts";

import { agoText, agoWords, countText, dayText, shortTag, splitImage, wordsOf } from "../core/format.ts";
import type { Choice } from "../core/release.ts";
import { useApp } from "../state/app.ts";
import { Ago } from "./ago.tsx";
import { Badge } from "./badge.tsx";
import { Empty, Skeleton } from "./empty.tsx";
import { Icon } from "./icon.tsx";
import { ProblemNote } from "./problem.tsx";
import { useLoaded } from "./use-loaded.ts";

type ContainerImages = WorkloadImages["containers"][number];
type AvailableImage = ContainerImages["available"][number];
type Pick = (container: string, image: string) => void;

interface ImageListProps {
  readonly workload: Workload;
  readonly choice: Choice | undefined;
  readonly onPick: Pick | undefined;
}

/** What each container runs and could run, newest first. */
export function ImageList({ workload, choice, onPick }: ImageListProps) {
  const { api } = useApp();
  const { state, reload } = useLoaded(() => api.images(workload, {}), {
    on: ["images", "workloads"],
    key: workload.id,
  });
  return (
    <section aria-labelledby="images">
      <div class="section-head">
        <h2 id="images">Images</h2>
        <RefreshButton workload={workload} onDone={reload} />
      </div>
      {state.kind === "loading" ? <Skeleton lines={6} label="Loading images" /> : null}
      {state.kind === "failed" ? <ProblemNote error={state.error} onRetry={reload} /> : null}
      {state.kind === "ready"
        ? state.value.containers.map((one) => (
            <ContainerTable
              key={one.container}
              images={one}
              several={state.value.containers.length > 1}
              chosen={chosenOf(choice, one.container)}
              onPick={onPick}
            />
          ))
        : null}
      {state.kind === "ready" && state.value.containers.length === 0 ? (
        <Empty title="It has no containers" />
      ) : null}
    </section>
  );
}

function chosenOf(choice: Choice | undefined, container: string): string | undefined {
  if (choice?.kind !== "exact") return undefined;
  return choice.containers.find((one) => one.container === container)?.image;
}

function RefreshButton({ workload, onDone }: { readonly workload: Workload; readonly onDone: () => void }) {
  const { api, notice } = useApp();
  const busy = useSignal(false);
  const ask = async (): Promise<void> => {
    busy.value = true;
    try {
      await api.images(workload, { refresh: true });
      onDone();
      notice.value = "The registry was asked again.";
    } catch (error) {
      notice.value = error instanceof Error ? error.message : String(error);
    }
    busy.value = false;
  };
  return (
    <button type="button" class="small" disabled={busy.value} onClick={() => void ask()}>
      {busy.value ? "Asking…" : "Ask the registry"}
    </button>
  );
}

const shownAtFirst = 12;

interface TableProps {
  readonly images: ContainerImages;
  readonly several: boolean;
  readonly chosen: string | undefined;
  readonly onPick: Pick | undefined;
}

function ContainerTable(props: TableProps) {
  const all = useSignal(false);
  const { available, total } = props.images;
  const shown = all.value ? available : available.slice(0, shownAtFirst);
  const runningBelow = available.slice(shown.length).find(({ running }) => running);
  const hidden = available.length - shown.length - (runningBelow === undefined ? 0 : 1);
  return (
    <div class="image-table-box">
      <TableHead images={props.images} several={props.several} />
      {available.length === 0 ? (
        <Empty title="No image is known" />
      ) : (
        <ImageTable {...props} shown={shown} runningBelow={runningBelow} />
      )}
      {hidden > 0 ? (
        <button type="button" class="quiet" onClick={() => void (all.value = true)}>
          Show {countText(hidden, "more image")}
          {total > available.length ? ` of ${total}` : ""}
        </button>
      ) : null}
    </div>
  );
}

/** What the table is of, how old it is, and why it may not be all there is. */
function TableHead({ images, several }: Omit<TableProps, "chosen" | "onPick">) {
  const { container, repository, filter, ageMs, missing, problem } = images;
  return (
    <>
      <p class="image-table-head">
        {several ? <strong>{container}</strong> : null}
        <span class="mono muted" dir="auto">
          {repository}
        </span>
        <span class="muted">{filter === null ? "no filter" : <code>{filter}</code>}</span>
        <span class="muted">{ageMs === null ? "not read yet" : `read ${agoWords(ageMs)}`}</span>
      </p>
      {problem === null ? null : (
        <div class="note warn">
          <Icon name="alert" />
          <div class="note-text">
            <strong>{problem.title}</strong>
            {problem.detail === null ? "" : `: ${problem.detail}`}
          </div>
        </div>
      )}
      {missing === null ? null : <p class="muted small">{missing.detail}</p>}
    </>
  );
}

const heads = [
  { text: "Tag" },
  { text: "Built" },
  { text: "Digest", wideOnly: true },
  { text: "Platform", wideOnly: true },
  { text: "Standing", silent: true },
  { text: "Choose", silent: true },
] as const;

interface ImageTableProps extends TableProps {
  readonly shown: readonly AvailableImage[];
  /** The running one, where it is further down than what is shown. */
  readonly runningBelow: AvailableImage | undefined;
}

function ImageTable({ images, shown, runningBelow, chosen, onPick }: ImageTableProps) {
  const { container, repository } = images;
  const newest = images.available.find(({ eligible }) => eligible);
  const row = (image: AvailableImage) => (
    <ImageRow
      key={image.tag}
      newest={image === newest}
      {...{ image, repository, container, chosen, onPick }}
    />
  );
  return (
    <table class="images">
      <caption class="hidden">Images of {container}, newest first</caption>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head.text} scope="col" class={"wideOnly" in head ? "wide-only" : ""}>
              {"silent" in head ? <span class="hidden">{head.text}</span> : head.text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {shown.map(row)}
        {runningBelow === undefined ? null : (
          <Fragment>
            <tr class="gap">
              <td colSpan={heads.length}>⋯</td>
            </tr>
            {row(runningBelow)}
          </Fragment>
        )}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly image: AvailableImage;
  readonly repository: string;
  readonly container: string;
  readonly newest: boolean;
  readonly chosen: string | undefined;
  readonly onPick: Pick | undefined;
}

function ImageRow({ image, repository, container, newest, chosen, onPick }: RowProps) {
  const { now } = useApp().clock;
  const reference = `${repository}:${image.tag}`;
  const isChosen = chosen !== undefined && splitImage(chosen).version === image.tag;
  const date = image.createdAt ?? image.firstSeenAt;
  return (
    <tr class={[image.running ? "running" : "", isChosen ? "chosen" : ""].join(" ").trim()}>
      <th scope="row" class="mono tag-cell" title={image.tag} dir="auto">
        {shortTag(image.tag)}
      </th>
      <td class="nowrap">
        {date === null ? <span class="muted">no date</span> : <Ago at={date} />}
        {date === null ? null : <span class="muted built"> {dayText(date)}</span>}
        {image.createdAt === null && date !== null ? <span class="muted"> (seen)</span> : null}
      </td>
      <td class="mono muted wide-only" title={image.digest ?? undefined}>
        {image.digest === null ? "—" : image.digest.replace(/^sha256:/, "").slice(0, 12)}
      </td>
      <td class="muted wide-only">{(image.platforms ?? []).join(", ") || "—"}</td>
      <td>
        <span class="standing">
          {image.running ? <Badge tone="good">running</Badge> : null}
          {newest ? <Badge tone="accent">newest</Badge> : null}
          {image.movedAt === null ? null : (
            <Badge
              tone="warn"
              title={`The tag was moved to another image ${agoText(image.movedAt, now.value)}`}
            >
              moved
            </Badge>
          )}
          {image.runnable === false ? <Badge tone="warn">no node can run it</Badge> : null}
          {image.ineligible === null ? null : <span class="muted small">{whyNot(image.ineligible)}</span>}
        </span>
      </td>
      <td class="act">
        {onPick === undefined ? null : (
          <button
            type="button"
            class="small"
            aria-pressed={isChosen}
            aria-label={
              image.running
                ? `Again: release ${image.tag} to ${container}`
                : `Release ${image.tag} to ${container}`
            }
            onClick={() => onPick(container, reference)}
          >
            {image.running ? "Again" : "Release…"}
          </button>
        )}
      </td>
    </tr>
  );
}

/** Why "latest" leaves it alone. */
function whyNot(reason: NonNullable<AvailableImage["ineligible"]>): string {
  switch (reason) {
    case "no-policy":
      return "no policy chooses it";
    case "latest-excluded":
      return "another name for an image";
    case "filtered-out":
      return "outside the filter";
    default:
      return wordsOf(reason);
  }
}
