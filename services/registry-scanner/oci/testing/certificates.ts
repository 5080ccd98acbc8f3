import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate for loopback, or what else is named, that is its own authority. */
export async function selfSigned(name: string, isFor = "IP:127.0.0.1"): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-certificate-"));
  try {
    const [keyFile, certFile] = [join(folder, "key"), join(folder, "crt")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const subject = ["-x509", "-nodes", "-days", "2", "-subj", `/CN=${name}`];
    const names = ["-addext", `subjectAltName=${isFor}`];
    const files = ["-keyout", keyFile, "-out", certFile];
    await promisify(execFile)("openssl", ["req", ...subject, ...curve, ...names, ...files]);
    return { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
