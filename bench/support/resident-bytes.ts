import { readFile } from "node:fs/promises";

const pageBytes = 4096;

/** What a process holds in memory now (Linux). */
export async function residentBytes(pid: number | undefined): Promise<number> {
  const [, resident = "0"] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
  return Number(resident) * pageBytes;
}
