import { tableLines } from "./table.ts";

/** One container of one workload as it stands in a file; what `manifest list -o json` prints. */
export interface ListedContainer {
  /** `namespace:kind/name` */
  readonly workload: string;
  readonly container: string;
  readonly image: string;
  /** Where the image is decided. */
  readonly file: string;
  /** The workload's own file, where that is another. */
  readonly declaredIn?: string;
  /** From 1. */
  readonly document: number;
  /** Line of the image, from 1. */
  readonly line: number;
  readonly editable: boolean;
  /** Why it cannot be edited. */
  readonly reason?: string;
  readonly policies: Readonly<Record<string, string>>;
}

/** One row per container; all but the first of a workload leave its name empty. */
export function manifestLines(
  listed: readonly ListedContainer[],
  style: { readonly wide: boolean; readonly headers: boolean },
): readonly string[] {
  const rows = listed.map((one, at) => {
    const before = listed[at - 1];
    const isMore = before?.workload === one.workload && before.document === one.document;
    const place = `${one.file}:${one.line}`;
    const policies = Object.entries(one.policies).map(([key, value]) => policyWord(key, value));
    const row = [
      isMore ? "" : one.workload,
      one.container,
      one.image,
      place,
      isMore ? "" : policies.join(","),
    ];
    return style.wide ? [...row, String(one.document), one.editable ? "" : (one.reason ?? "no")] : row;
  });
  const heading = ["WORKLOAD", "CONTAINER", "IMAGE", "FILE", "POLICY"];
  const wide = [...heading, "DOCUMENT", "NOT EDITABLE"];
  return tableLines(style.headers ? [style.wide ? wide : heading, ...rows] : rows);
}

/** A fault at its place, as compilers write it. */
export function faultLine(fault: {
  readonly file: string;
  readonly line?: number | undefined;
  readonly message: string;
}): string {
  const place = fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`;
  return `${place}: ${fault.message}`;
}

function policyWord(key: string, value: string): string {
  return value === "true" ? key : `${key}=${value}`;
}
