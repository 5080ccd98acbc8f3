import { parseAllDocuments } from "yaml";
import { editImages, mentionsImage, readManifest, type ImageEdit } from "#common/domain/manifest.ts";
import type { Bench, BenchRun } from "./support/bench.ts";
import { toRow, type Row } from "./support/row.ts";

const documents = 5_000;
const documentsPerFile = 5;
/** One file in so many names the image that is searched for. */
const naming = 20;
const rounds = 3;
const o = { defaultNamespace: "default" };

const everyDocument = {
  name: "edit.every-document",
  budget: "1,000/s, 5,000 in 5 s",
  baselineIs: "parse with comments, set the value, print the document, read it back to check",
};
const oneImage = {
  name: "edit.one-image-in-1000-files",
  budget: "files without the image not parsed",
  baselineIs: "parse every file, print those that change",
};

/** Images written into manifests: documents a second beside parsing and printing them. */
export const editBench: Bench = {
  name: "edit",
  rows: [everyDocument.name, oneImage.name],
  async run(run) {
    const files = manifests();
    if (run.wants(everyDocument.name)) run.tell(everyRow(run, files));
    if (run.wants(oneImage.name)) run.tell(oneRow(run, files));
  },
};

interface File {
  readonly text: string;
  readonly edits: readonly ImageEdit[];
}

function everyRow(run: BenchRun, files: readonly File[]): Row {
  run.note(`measuring ${everyDocument.name}`);
  const ours = bestSeconds(() => files.forEach(({ text, edits }) => must(editImages(text, edits, o))));
  const print = () => files.map(({ text }) => parseAndPrint(text, "v2"));
  const unchecked = bestSeconds(print);
  // We prove each edit by reading the result; who prints has more that can go wrong, not less.
  const theirs = bestSeconds(() => print().forEach((text) => expectRead(parseAllDocuments(text), "v2")));
  return toRow({
    ...everyDocument,
    value: documents / ours,
    unit: "1/s",
    baseline: documents / theirs,
    more: {
      documents,
      seconds: Number(ours.toFixed(3)),
      "1/s parsed and printed unchecked": Math.round(documents / unchecked),
    },
  });
}

/** What a release does on a tip it does not know: look at every text, parse those that name the image. */
function oneRow(run: BenchRun, files: readonly File[]): Row {
  run.note(`measuring ${oneImage.name}`);
  const wanted = "registry.example.com/shop/shared";
  let parsed = 0;
  const ours = bestSeconds(() => {
    parsed = 0;
    for (const { text } of files.filter((file) => mentionsImage(file.text, wanted))) {
      parsed += 1;
      const edits = readManifest(text, o).workloads.flatMap(({ id, containers }) =>
        containers
          .filter(({ image }) => image.startsWith(wanted))
          .map(({ name }) => ({ workload: id, container: name, image: `${wanted}:v2` })),
      );
      must(editImages(text, edits, o));
    }
  });
  const theirs = bestSeconds(() => files.forEach(({ text }) => parseAndPrint(text, "v2", wanted)));
  const named = files.filter(({ text }) => mentionsImage(text, wanted)).length;
  return toRow({
    ...oneImage,
    value: ours,
    unit: "s",
    baseline: theirs,
    more: { files: files.length, parsed, named },
  });
}

/** The straightforward way: what comments and styles survive is the printer's choice. */
function parseAndPrint(text: string, tag: string, only = ""): string {
  const parsed = parseAllDocuments(text);
  let touched = false;
  for (const doc of parsed) {
    const image = doc.getIn(["spec", "template", "spec", "containers", 0, "image"]);
    if (typeof image !== "string" || !image.startsWith(only)) continue;
    doc.setIn(
      ["spec", "template", "spec", "containers", 0, "image"],
      `${image.slice(0, image.lastIndexOf(":"))}:${tag}`,
    );
    touched = true;
  }
  return touched ? parsed.map(String).join("") : text;
}

function expectRead(parsed: ReturnType<typeof parseAllDocuments>, tag: string): void {
  for (const doc of parsed) {
    const image = doc.getIn(["spec", "template", "spec", "containers", 0, "image"]);
    if (typeof image !== "string" || !image.endsWith(`:${tag}`)) throw new Error("the image was not printed");
  }
}

function must(result: ReturnType<typeof editImages>): void {
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
}

function bestSeconds(act: () => void): number {
  const times = Array.from({ length: rounds }, () => {
    const began = performance.now();
    act();
    return (performance.now() - began) / 1000;
  });
  return Math.min(...times);
}

function manifests(): readonly File[] {
  return Array.from({ length: documents / documentsPerFile }, (_, file) => {
    const numbers = Array.from({ length: documentsPerFile }, (_, n) => file * documentsPerFile + n);
    const isNaming = file % naming === 0;
    const image = (n: number) =>
      `registry.example.com/shop/${isNaming && n === numbers[0] ? "shared" : `web-${n}`}`;
    return {
      text: numbers.map((n) => deployment(n, `${image(n)}:v1`)).join("---\n"),
      edits: numbers.map((n) => ({
        workload: { namespace: "shop", kind: "deployment", name: `web-${n}` },
        container: "web",
        image: `${image(n)}:v2`,
      })),
    };
  });
}

function deployment(number: number, image: string): string {
  return `# the ${number}th of many
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-${number}
  namespace: shop
  labels: {app: web-${number}}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web-${number}}
  template:
    metadata:
      labels:
        app: web-${number}
        version: v1 # follows the image
    spec:
      containers:
        - name: web
          image: ${image}
          ports:
            - {name: http, containerPort: 8080}
          env:
            - name: LOG_LEVEL
              value: "info"
          resources:
            requests: {cpu: 100m, memory: 64Mi}
            limits: {memory: 128Mi}
          readinessProbe:
            httpGet: {path: /healthz, port: http}
`;
}
