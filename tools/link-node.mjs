// npm 10 does not link the bins of optional packages on `npm ci`. Without this link
// `npm run` would fall back to the system's Node, which may not strip types.
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const target = join("node_modules", `node-linux-${process.arch}`, "bin", "node");
const link = join("node_modules", ".bin", "node");
if (existsSync(target) && !existsSync(link)) {
  mkdirSync(join("node_modules", ".bin"), { recursive: true });
  symlinkSync(join("..", "..", target), link);
}
