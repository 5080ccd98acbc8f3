import { ChannelCredentials, ServerCredentials, experimental } from "@grpc/grpc-js";
import type { ChannelOptions } from "@grpc/grpc-js";

import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import type { Certificates } from "./grpc-certificates.ts";
import { isService } from "./grpc-peers.ts";

export interface GrpcSecurity {
  /** With them both sides show certificates; without, it is plain text that stays on this machine. */
  readonly certificates?: Certificates | undefined;
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
  const { certificates } = security;
  if (certificates === undefined) {
    refusePlain(host, security);
    return ServerCredentials.createInsecure();
  }
  return experimental.createCertificateProviderServerCredentials(certificates, certificates, true);
}

/** Credentials to call `service` with, wherever it listens; refuses plain text off loopback. */
export function clientCredentials(
  address: string,
  service: ServiceName,
  security: GrpcSecurity,
): ChannelCredentials {
  const { certificates } = security;
  if (certificates === undefined) {
    refusePlain(hostOf(address), security);
    return ChannelCredentials.createInsecure();
  }
  const checkServerIdentity = isService(service);
  return experimental.createCertificateProviderChannelCredentials(certificates, certificates, {
    checkServerIdentity,
  });
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
    hint: "Give SLIPWAY_TLS_CA_FILE, SLIPWAY_TLS_CERT_FILE and SLIPWAY_TLS_KEY_FILE (`slipway certs` makes them), or listen on and call 127.0.0.1.",
  });
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}
