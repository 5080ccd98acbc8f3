import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

import { experimental } from "@grpc/grpc-js";

import { serviceNames, spiffeId } from "#common/contracts/grpc-peers.ts";
import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { EnvReader } from "./env.ts";
import type { Service } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

type Provider = experimental.CertificateProvider;

/** Where a service's certificate, its key and the authority of its peers are, in PEM. */
export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A service's own certificate and the authority it believes, read anew when the files change. */
export interface Certificates extends Provider, Service {
  /** Who this process proves to be. */
  readonly service: ServiceName;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** When the certificate that is shown now ends. */
  expiresAt(): Date;
  /** Looks at the files now; what cannot be used is logged, and the last good ones stay. */
  reload(): Promise<void>;
}

export interface CertificatesOptions {
  readonly files: CertificateFiles;
  readonly log: Log;
  /** How often the files are looked at. */
  readonly refreshMs?: number;
}

interface Material {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** `SLIPWAY_TLS_{CA,CERT,KEY}_FILE`: all three, or none for plain text on this machine. */
export function readCertificateFiles(read: EnvReader): CertificateFiles | undefined {
  const names = ["SLIPWAY_TLS_CA_FILE", "SLIPWAY_TLS_CERT_FILE", "SLIPWAY_TLS_KEY_FILE"] as const;
  if (names.every((name) => read.text(name, { optional: true }) === undefined)) return undefined;
  const [caFile, certFile, keyFile] = [read.text(names[0]), read.text(names[1]), read.text(names[2])];
  return { caFile, certFile, keyFile };
}

/** Opens the files; what cannot be used is one SETTINGS_INVALID that says what to do. */
export function openCertificates({ files, log, refreshMs = 10_000 }: CertificatesOptions): Certificates {
  let material = checked(readNow(files), files);
  const service = serviceIn(new X509Certificate(material.cert), files);
  const authorities = new Set<experimental.CaCertificateUpdateListener>();
  const identities = new Set<experimental.IdentityCertificateUpdateListener>();
  const tellCa: experimental.CaCertificateUpdateListener = (update) =>
    authorities.forEach((listener) => listener(update));
  const tellIdentity: experimental.IdentityCertificateUpdateListener = (update) =>
    identities.forEach((listener) => listener(update));
  const reload = async (): Promise<void> => {
    try {
      const next = checked(await readLater(files), files);
      if (sameMaterial(next, material)) return;
      if (serviceIn(new X509Certificate(next.cert), files) !== service)
        throw unusable(files.certFile, `it is no longer the certificate of ${service}`);
      material = next;
      tellCa({ caCertificate: material.ca });
      tellIdentity({ certificate: material.cert, privateKey: material.key });
      log.info("the certificate was replaced", { until: new X509Certificate(material.cert).validTo });
    } catch (error) {
      log.warn("the certificate files cannot be used; the last good ones stay", { error });
    }
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    name: "certificates",
    service,
    expiresAt: () => new X509Certificate(material.cert).validToDate,
    reload,
    start: async () => {
      timer = setInterval(() => void reload(), refreshMs);
      timer.unref();
    },
    stop: async () => clearInterval(timer),
    // Told a moment later: whoever subscribes has not finished subscribing.
    addCaCertificateListener: (listener) => {
      authorities.add(listener);
      process.nextTick(() => listener({ caCertificate: material.ca }));
    },
    removeCaCertificateListener: (listener) => void authorities.delete(listener),
    addIdentityCertificateListener: (listener) => {
      identities.add(listener);
      process.nextTick(() => listener({ certificate: material.cert, privateKey: material.key }));
    },
    removeIdentityCertificateListener: (listener) => void identities.delete(listener),
  };
}

/** Shows for how long the certificate counts; less than nothing once it has ended. */
export function exposeExpiry(metrics: Metrics, certificates: Pick<Certificates, "expiresAt">): void {
  const expires = metrics.gauge({
    name: "certificate_expires_seconds",
    help: "How long the certificate of this process is still valid.",
  });
  metrics.onScrape("certificate", () =>
    expires.set((certificates.expiresAt().getTime() - Date.now()) / 1_000),
  );
}

/** Which of our services the certificate proves; undefined when it names none, or more than one. */
export function serviceOf(certificate: X509Certificate): ServiceName | undefined {
  const names = new Set((certificate.subjectAltName ?? "").split(", "));
  const proved = serviceNames.filter((service) => names.has(`URI:${spiffeId(service)}`));
  return proved.length === 1 ? proved[0] : undefined;
}

function readNow(files: CertificateFiles): Material {
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (cause) {
      throw unreadable(file, cause);
    }
  };
  return { ca: read(files.caFile), cert: read(files.certFile), key: read(files.keyFile) };
}

async function readLater(files: CertificateFiles): Promise<Material> {
  const read = async (file: string): Promise<Buffer> => {
    try {
      return await readFile(file);
    } catch (cause) {
      throw unreadable(file, cause);
    }
  };
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certFile), read(files.keyFile)]);
  return { ca, cert, key };
}

/** Files are replaced one after the other: a pair that does not match is one half of a change. */
function checked(material: Material, files: CertificateFiles): Material {
  parse(files.caFile, () => new X509Certificate(material.ca));
  const certificate = parse(files.certFile, () => new X509Certificate(material.cert));
  const key = parse(files.keyFile, () => createPrivateKey(material.key));
  if (!certificate.checkPrivateKey(key))
    throw unusable(files.keyFile, `it is not the key of ${files.certFile}`);
  if (certificate.validToDate.getTime() < Date.now())
    throw unusable(files.certFile, `it ended ${certificate.validToDate.toISOString()}`);
  return material;
}

function serviceIn(certificate: X509Certificate, files: CertificateFiles): ServiceName {
  const service = serviceOf(certificate);
  if (service !== undefined) return service;
  throw unusable(files.certFile, `it has no URI name such as ${spiffeId("api")}, or several`);
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new SlipwayError("SETTINGS_INVALID", {
      detail: `${file} is not PEM that can be read`,
      hint,
      cause,
    });
  }
}

const hint = "`slipway certs` makes an authority and a certificate for each service.";

function unusable(file: string, why: string): SlipwayError {
  return new SlipwayError("SETTINGS_INVALID", { detail: `${file} cannot be used: ${why}`, hint });
}

function unreadable(file: string, cause: unknown): SlipwayError {
  return new SlipwayError("SETTINGS_INVALID", { detail: `${file} cannot be read`, hint, cause });
}

function sameMaterial(a: Material, b: Material): boolean {
  return a.ca.equals(b.ca) && a.cert.equals(b.cert) && a.key.equals(b.key);
}
