import { ChannelCredentials, ServerCredentials } from "@grpc/grpc-js";
import type { ChannelOptions } from "@grpc/grpc-js";

import { SlipwayError } from "#common/domain/errors.ts";

/** Certificates in PEM; with a client certificate on both sides it is mTLS. */
export interface GrpcTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface GrpcSecurity {
  readonly tls?: GrpcTls;
  /** Lets a plain connection leave this machine; only where the network itself is private. */
  readonly allowPlain?: boolean;
}

const largestMessageBytes = 16 * 1024 * 1024;

const limits: ChannelOptions = {
  "grpc.max_receive_message_length": largestMessageBytes,
  "grpc.max_send_message_length": largestMessageBytes,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
};

export const serverOptions: ChannelOptions = limits;

export const channelOptions: ChannelOptions = {
  ...limits,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 2_000,
  // Several replicas behind one DNS name share the calls.
  "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
};

/** Credentials to listen with; refuses plain text off loopback. */
export function serverCredentials(host: string, security: GrpcSecurity): ServerCredentials {
  const { tls } = security;
  if (tls === undefined) {
    refusePlain(host, security);
    return ServerCredentials.createInsecure();
  }
  return ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true);
}

/** Credentials to call with; refuses plain text off loopback. */
export function clientCredentials(address: string, security: GrpcSecurity): ChannelCredentials {
  const { tls } = security;
  if (tls === undefined) {
    refusePlain(hostOf(address), security);
    return ChannelCredentials.createInsecure();
  }
  return ChannelCredentials.createSsl(tls.ca, tls.key, tls.cert);
}

/** `host:port`, with brackets around an IPv6 address. */
export function joinAddress(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

function hostOf(address: string): string {
  return address.replace(/^[a-z]+:\/{2,3}/i, "").replace(/:\d+$/, "");
}

function refusePlain(host: string, security: GrpcSecurity): void {
  if (security.allowPlain === true || isLoopback(host)) return;
  throw new SlipwayError("SETTINGS_INVALID", {
    detail: `gRPC with ${host} would be plain text outside this machine`,
    hint: "Give certificates, or listen on and call 127.0.0.1.",
  });
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}
