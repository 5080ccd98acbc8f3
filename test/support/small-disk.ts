import { execFile, execFileSync } from "node:child_process";
import { appendFile, rm, statfs } from "node:fs/promises";
import { userInfo } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Whether a small disk can be made: only root may mount one, and not in every container. */
export function canMountDisk(probe: string): boolean {
  if (process.platform !== "linux" || userInfo().uid !== 0) return false;
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "slipway-probe", probe], {
      stdio: "ignore",
    });
    execFileSync("/bin/umount", [probe], { stdio: "ignore" });
    return true;
  } catch {
    // The kernel or the container does not allow it: that is the answer.
    return false;
  }
}

export interface SmallDisk {
  /** Takes all the room that is left but so much. */
  fill(leaveBytes: number): Promise<void>;
  free(): Promise<void>;
  remove(): Promise<void>;
}

/** A disk in memory, mounted on an empty folder. */
export async function mountSmallDisk(folder: string, bytes: number): Promise<SmallDisk> {
  await run("/bin/mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "slipway-test", folder]);
  const filler = path.join(folder, "filler");
  return {
    async fill(leaveBytes) {
      const { bavail, bsize } = await statfs(folder);
      await appendFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
    },
    free: () => rm(filler, { force: true }),
    async remove() {
      await run("/bin/umount", ["-l", folder]);
    },
  };
}
