import * as fc from "fast-check";

/**
 * Files are generated as pieces of fixed text with holes for images and labels, so that the expected
 * bytes come from the generator and not from the editor under test.
 */
export type Piece = string | Hole;

export interface Hole {
  /** `namespace:kind/name` */
  readonly workload: string;
  readonly container: string;
  /** A label that repeats the tag, instead of the image. */
  readonly label: boolean;
  /** Source bytes, quotes included. */
  readonly source: string;
}

export interface GeneratedFile {
  /** Each document with what stands before it. */
  readonly documents: readonly (readonly Piece[])[];
  /** Number of a document → its new image; the others are left alone. */
  readonly wanted: ReadonlyMap<number, string>;
}

/** Files of `documents` workloads each, in every style people write; half of them are to get another image. */
export function generatedFile(documents: number): fc.Arbitrary<GeneratedFile> {
  const count = documents * 3 + 1;
  const dice = fc.array(fc.nat({ max: 0x7fff_ffff }), { minLength: count, maxLength: count });
  const images = fc.array(image, { minLength: documents * 2, maxLength: documents * 2 });
  return fc.tuple(dice, images).map(([rolls, drawn]) => {
    const file = roll(rolls[0] ?? 0);
    const windows = file(4) === 0;
    const bom = file(5) === 0 ? "\uFEFF" : "";
    const tail = file(3) === 0 ? "z: end" : "z: end\n";
    const lines = (piece: Piece): Piece =>
      typeof piece === "string" && windows ? piece.replaceAll("\n", "\r\n") : piece;
    const made = Array.from({ length: documents }, (_, n) => {
      const [one, two, three] = [1, 2, 3].map((at) => roll(rolls[n * 3 + at] ?? 0));
      if (one === undefined || two === undefined || three === undefined) return [];
      const before = n === 0 ? `${bom}${heads[file(heads.length)] ?? ""}` : (separators[file(4)] ?? "");
      const body = documentPieces(n, { one, two, three }, drawn[n] ?? "b:1");
      return [before, ...body, ...(n === documents - 1 ? [tail] : [])].map(lines);
    });
    const first = file(2);
    const wanted = new Map(
      drawn.slice(documents).flatMap((to, n) => (n % 2 === first ? [[n, to] as const] : [])),
    );
    return { documents: made, wanted };
  });
}

const separators = ["---\n", "--- # next\n", "...\n---\n", "---\n# only a comment\n---\n"];
const heads = ["", "", "---\n", "# head 😀\n", "%YAML 1.1\n---\n", "# tab\there\n---\n"];

/** Draws small numbers out of a large one. */
function roll(seed: number): (sides: number) => number {
  let rest = seed;
  return (sides) => {
    const drawn = rest % sides;
    // A linear congruence: cheap, and the seed of the run decides it.
    rest = (Math.floor(rest / sides) * 69_069 + 12_345) % 0x7fff_ffff;
    return drawn;
  };
}

const tags = [
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
  "on",
  "null",
];
const names = ["nginx", "weaveworksdemos/front-end", "localhost:5000/web", "ghcr.io/o/a__b/c-d", "1"];
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const tag = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...tags) },
  { weight: 1, arbitrary: hex(40) },
  { weight: 1, arbitrary: fc.nat({ max: 99_999_999 }).map(String) },
);
const digest = fc.option(hex(64), { nil: undefined, freq: 8 });
const image = fc
  .tuple(fc.constantFrom(...names), tag, digest)
  .map(([name, at, hash]) => `${name}:${at}${hash === undefined ? "" : `@sha256:${hash}`}`);

const noises = ["", "", "", " # 🎉👩‍💻 image: nginx:1", " # version: 1.10 ", "   ", "\t# tab"];
const junks = [
  "",
  "",
  "a: [~, 0644, 1_000]\n",
  "b: |+\n  image: nginx:1\n\n\n",
  "c: >-\n  folded\n  # text\n",
  'd: "two\n  lines 😀"\n',
  "e: &x {k: v}\nf: *x\n",
  "g: !t 1e3\n",
];

type Dice = (sides: number) => number;

const kinds = [
  { apiVersion: "apps/v1", kind: "Deployment", open: "  template:\n", pad: "    " },
  { apiVersion: "v1", kind: "Pod", open: "", pad: "  " },
  { apiVersion: "extensions/v1beta1", kind: "DaemonSet", open: "  template:\n", pad: "    " },
  {
    apiVersion: "batch/v1beta1",
    kind: "CronJob",
    open: "  jobTemplate:\n    spec:\n      template:\n",
    pad: "        ",
  },
];

function documentPieces(
  number: number,
  dice: { one: Dice; two: Dice; three: Dice },
  from: string,
): readonly Piece[] {
  const { one, two, three } = dice;
  const { apiVersion, kind, open, pad } = kinds[one(kinds.length)] ?? {
    apiVersion: "v1",
    kind: "Pod",
    open: "",
    pad: "  ",
  };
  const workload = `default:${kind.toLowerCase()}/w${number}`;
  const noise = () => noises[two(noises.length)] ?? "";
  const hole = (label: boolean, source: string): Hole => ({ workload, container: "c", label, source });
  const quote = one(3);
  // A plain image reads as text unless it is all digits and one colon, as in "1:30".
  const written = quote === 0 && !/^[\d:]+$/.test(from) ? from : quote === 1 ? `'${from}'` : `"${from}"`;
  const labelled = one(3) === 0;
  const labels: Piece[] = labelled
    ? [
        `  labels: {${three(2) === 0 ? "version" : "app.kubernetes.io/version"}: `,
        hole(true, `"${tagOf(from)}"`),
        `}${noise()}\n`,
      ]
    : [];
  const gap = " ".repeat(1 + one(3));
  const step = " ".repeat(1 + three(3));
  const container: Piece[] =
    one(3) === 0
      ? [`${pad}${step}- {name: c,${gap}image:${gap}`, hole(false, written), ` }${noise()}\n`]
      : [
          `${pad}${step}-${gap}name: c${noise()}\n${pad}${step} ${gap}image:${gap}`,
          hole(false, written),
          `${noise()}\n`,
        ];
  return [
    `apiVersion: ${apiVersion}${noise()}\nkind: ${kind}\nmetadata:\n  name: w${number}\n`,
    ...labels,
    `spec:\n${open}${open === "" ? "" : `${pad}spec:\n`}`,
    `${open === "" ? pad : `${pad}  `}containers:\n`,
    ...(open === ""
      ? container
      : container.map((piece) =>
          typeof piece === "string" ? piece.replaceAll(pad + step, `${pad}  ${step}`) : piece,
        )),
    junks[two(junks.length)] ?? "",
  ];
}

/** The tag of an image, for what a label is to become. */
export function tagOf(text: string): string {
  return text
    .slice(text.lastIndexOf(":", text.indexOf("@") === -1 ? undefined : text.indexOf("@")) + 1)
    .replace(/@.*/, "");
}
