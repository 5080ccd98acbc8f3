import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { editImages, readManifest, revertChanges, type ImageEdit } from "./manifest.ts";

/**
 * Files are generated as pieces of fixed text with holes for images and labels, so that the expected
 * bytes come from the generator and not from the editor under test.
 */
type Piece = string | Hole;

interface Hole {
  readonly workload: string;
  readonly container: string;
  readonly label: boolean;
  /** Source bytes, quotes included. */
  readonly source: string;
}

const o = { defaultNamespace: "default" };

const nastyTags = [
  "1.10",
  "1e3",
  "0755",
  "yes",
  "0x1F",
  "1_000",
  "2024-01-15",
  "1234567",
  "latest",
  "v1",
  "0.2.0",
];
const tag = fc.oneof(
  fc.constantFrom(...nastyTags),
  fc.stringMatching(/^[0-9a-f]{40}$/),
  fc.stringMatching(/^[0-9]{1,20}$/),
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
);
const name = fc.constantFrom(
  "nginx",
  "weaveworksdemos/front-end",
  "localhost:5000/web",
  "ghcr.io/o/a__b/c-d",
  "1",
);
const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `@sha256:${hex}`);
const image = fc
  .tuple(name, tag, fc.option(digest, { nil: "", freq: 4 }))
  .map(([where, at, hash]) => `${where}:${at}${hash}`);

const quoted = (text: string, style: "'" | '"'): string => `${style}${text}${style}`;
const style = fc.constantFrom<("'" | '"')[]>("'", '"', '"');
const noise = fc.constantFrom("", "", " # 🎉👩‍💻 image: nginx:1", " # version: 1.10 ", "   ", "\t# tab");
const junk = fc.constantFrom(
  "a: [~, 0644, 1_000, {x: 'image: nginx:1'}]",
  "b: |+\n  image: nginx:1\n\n\n",
  "c: >-\n  folded\n  # no comment\n",
  'd: "multi\n  line 😀"',
  "e: !foo {image: nginx:1}",
  "f: &anchor {g: *anchor}",
  "? complex\n: key",
);

interface Container {
  readonly image: string;
  readonly style: "'" | '"';
  readonly plain: boolean;
  readonly flow: boolean;
  readonly noise: string;
}

const container: fc.Arbitrary<Container> = fc.record({
  image,
  style,
  plain: fc.boolean(),
  flow: fc.boolean(),
  noise,
});

interface Labelled {
  readonly style: "'" | '"';
  readonly where: "object" | "template" | "nowhere";
  readonly key: "version" | "app.kubernetes.io/version";
}

const labelled: fc.Arbitrary<Labelled> = fc.record({
  style,
  where: fc.constantFrom("object", "template", "nowhere"),
  key: fc.constantFrom("version", "app.kubernetes.io/version"),
});

interface Shape {
  readonly containers: readonly Container[];
  readonly labelled: Labelled;
  readonly junk: string;
  readonly noise: string;
  readonly namespace: boolean;
  readonly indent: 0 | 1 | 2 | 3;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  containers: fc.array(container, { minLength: 1, maxLength: 3 }),
  labelled,
  junk,
  noise,
  namespace: fc.boolean(),
  indent: fc.constantFrom(0, 1, 2, 3),
});

const tagOf = (text: string): string => /:([^:/@]+)(?:@.*)?$/.exec(text)?.[1] ?? "";

function workloadPieces(number: number, s: Shape): readonly Piece[] {
  const namespace = s.namespace ? "shop" : "default";
  const workload = `${namespace}:deployment/w${number}`;
  const pad = " ".repeat(s.indent);
  const label = (place: Labelled["where"]): readonly Piece[] => {
    if (s.labelled.where !== place) return ["{app: x}"];
    const source = quoted(tagOf(s.containers[0]?.image ?? ""), s.labelled.style);
    return [
      `{app: x, ${s.labelled.key}: `,
      { workload, container: "c0", label: true, source },
      `}${s.noise}`,
    ];
  };
  const containers = s.containers.flatMap((c, index): readonly Piece[] => {
    // A plain image reads as text unless it is all digits and one colon, as in "1:30".
    const plain = c.plain && !/^[\d:]+$/.test(c.image);
    const source = plain ? c.image : quoted(c.image, c.style);
    const hole: Hole = { workload, container: `c${index}`, label: false, source };
    return c.flow
      ? [`      ${pad}- {name: c${index},  image: `, hole, ` , x: y}${c.noise}\n`]
      : [`      ${pad}-   name: c${index}${c.noise}\n      ${pad}    image:  `, hole, `${c.noise}\n`];
  });
  return [
    `apiVersion: apps/v1${s.noise}\nkind: Deployment\nmetadata:\n  name: w${number}\n`,
    s.namespace ? "  namespace: shop\n" : "",
    "  labels: ",
    ...label("object"),
    `\nspec:\n  template:\n    metadata: {labels: `,
    ...label("template").map((piece) => (piece === `}${s.noise}` ? "}" : piece)),
    `}\n    spec:\n      containers:\n`,
    ...containers,
    `${s.junk}\n`,
  ];
}

const between = fc.constantFrom(
  "---\n",
  "--- # next\n",
  "...\n---\n",
  "---\n# only a comment\n---\n",
  '---\na: "open\n---\n',
);

const file = fc
  .record({
    shapes: fc.array(fc.tuple(shape, between), { minLength: 1, maxLength: 3 }),
    head: fc.constantFrom("", "---\n", "# head 😀\n", "%YAML 1.1\n---\n"),
    windows: fc.boolean(),
    bom: fc.boolean(),
    cut: fc.boolean(),
  })
  .map(({ shapes, head, windows, bom, cut }) => {
    const body = shapes.flatMap(([s, separator], index) => [
      index === 0 ? head : separator,
      ...workloadPieces(index, s),
    ]);
    const pieces = [bom ? "\uFEFF" : "", ...body, cut ? "z: end" : "z: end\n"];
    return pieces.map((piece) =>
      typeof piece === "string" && windows ? piece.replaceAll("\n", "\r\n") : piece,
    );
  });

const written = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (typeof piece === "string" ? piece : piece.source)).join("");

interface Asked {
  readonly edits: readonly ImageEdit[];
  readonly byHole: ReadonlyMap<string, string>;
}

/** Which containers move, and to what; each image at most once. */
function ask(pieces: readonly Piece[], picks: readonly (string | null)[]): Asked {
  const holes = pieces.filter((piece): piece is Hole => typeof piece !== "string" && !piece.label);
  const byHole = new Map<string, string>();
  const edits = holes.flatMap((hole, index) => {
    const to = picks[index % picks.length];
    if (to === null || to === undefined) return [];
    byHole.set(`${hole.workload} ${hole.container}`, to);
    const [, namespace = "", kind = "", name = ""] = /^(.*):(.*)\/(.*)$/.exec(hole.workload) ?? [];
    return [{ workload: { namespace, kind, name }, container: hole.container, image: to }];
  });
  return { edits, byHole };
}

/** Walks the edited text along the pieces: fixed text must stand as it was, holes as asked. */
function expectPieces(text: string, pieces: readonly Piece[], asked: Asked): void {
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") {
      expect(text.slice(at, at + piece.length)).toBe(piece);
      at += piece.length;
      continue;
    }
    const wanted = asked.byHole.get(`${piece.workload} ${piece.container}`);
    const value = piece.label && wanted !== undefined ? tagOf(wanted) : wanted;
    const choices = value === undefined ? [piece.source] : [quoted(value, '"'), quoted(value, "'"), value];
    // A label may also stay: its tag may be shared by two containers or be no label.
    const stands = [...choices, ...(piece.label ? [piece.source] : [])].find((one) =>
      text.startsWith(one, at),
    );
    expect(stands, `at ${at}: ${text.slice(at, at + 80)}`).toBeDefined();
    at += stands?.length ?? 0;
  }
  expect(text.length).toBe(at);
}

/** Every leaf that another reader of YAML sees differently, as the new value. */
function differences(before: unknown, after: unknown, depth = 0): readonly unknown[] {
  if (Object.is(before, after) || depth > 30) return [];
  if (typeof before !== "object" || typeof after !== "object" || before === null || after === null)
    return [after];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differences((before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key], depth + 1),
  );
}

/** Cut at the markers first: this reader lets a quote that is never closed run on into the next document. */
const seenBy = (text: string, version: "1.1" | "1.2"): readonly unknown[] =>
  text
    .split(/^(?=---\s)/m)
    .flatMap((part) => parseAllDocuments(part, { version, logLevel: "silent", prettyErrors: false }))
    .map((doc) => (doc.errors.length > 0 ? "broken" : (doc.toJS({ maxAliasCount: 100 }) as unknown)));

test("an edit changes its targets alone, and taking it back restores every byte", () => {
  const picks = fc.array(fc.option(image, { nil: null, freq: 3 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(file, picks, (pieces, chosen) => {
      const text = written(pieces);
      const asked = ask(pieces, chosen);
      const result = editImages(text, asked.edits, o);
      if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
      expectPieces(result.text, pieces, asked);

      const intended = new Set([...asked.byHole.values()].flatMap((to) => [to, tagOf(to)]));
      const version = text.length % 2 === 0 ? "1.1" : "1.2";
      for (const value of differences(seenBy(text, version), seenBy(result.text, version))) {
        expect(intended).toContain(value);
      }
      const images = new Map<string, string>(
        readManifest(result.text, o).workloads.flatMap(({ id, containers }) =>
          containers.map((one) => [`${id.namespace}:${id.kind}/${id.name} ${one.name}`, one.image] as const),
        ),
      );
      for (const [hole, to] of asked.byHole) expect(images.get(hole)).toBe(to);
      expect(revertChanges(result.text, result.changes, o)).toMatchObject({ ok: true, text, skipped: [] });
    }),
    // Two documents a file on average: some two thousand of them.
    { numRuns: 1000 },
  );
});

test("no text makes the reader throw", () => {
  const scrap = fc.constantFrom(
    "---\n",
    "kind: Pod\n",
    "- ",
    "{",
    "[",
    "&a ",
    "*a",
    "<<: ",
    "containers:",
    "'",
    '"',
    "|\n",
    "%",
    "\t",
    "\r",
    "? ",
    ": ",
    "#",
    "!x ",
    "\u0000",
    "\uD800",
    "image: b:1\n",
    "  ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(scrap, fc.string()), { maxLength: 30 }), (parts) => {
      const text = parts.join("");
      expect(readManifest(text, o).workloads.length).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 1000 },
  );
});
