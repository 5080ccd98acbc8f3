// The library's container needs this polyfill before anything of it is loaded.
import "reflect-metadata";

import { randomBytes, webcrypto } from "node:crypto";

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { JsonGeneralNames } from "@peculiar/x509";

/** A certificate and its key, in PEM; the key as PKCS#8. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** When a certificate is good: from now (less what clocks differ) for so many days. */
export interface Term {
  readonly now: Date;
  readonly days: number;
}

export interface Subject {
  readonly commonName: string;
  readonly names: JsonGeneralNames;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signing = { name: "ECDSA", hash: "SHA-256" } as const;
const clockSkewMs = 5 * 60_000;
const dayMs = 24 * 3_600_000;

/** Makes an authority that signs the certificates of one installation, and no other authority. */
export async function makeAuthority(commonName: string, term: Term): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(term),
    serialNumber: serial(),
    name: [{ CN: [commonName] }],
    signingAlgorithm: signing,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key: await pemOf(keys.privateKey) };
}

/** Signs a certificate that its owner may show to servers and to clients. */
export async function issue(authority: Pair, subject: Subject, term: Term): Promise<Pair> {
  const signer = new X509Certificate(authority.cert);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    ...validity(term),
    serialNumber: serial(),
    subject: [{ CN: [subject.commonName] }],
    issuer: signer.subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(subject.names),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key: await pemOf(keys.privateKey) };
}

function validity({ now, days }: Term): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - clockSkewMs),
    notAfter: new Date(now.getTime() + days * dayMs),
  };
}

function serial(): string {
  const bytes = randomBytes(16);
  // A positive number with a first byte that is not zero, as RFC 5280 wants it.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

async function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = PemConverter.decode(pem);
  if (der === undefined) throw new Error("the authority's key file holds no key");
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}
