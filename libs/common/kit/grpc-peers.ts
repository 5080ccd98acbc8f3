import { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "node:tls";

import { ServerInterceptingCall, ServerListenerBuilder, status } from "@grpc/grpc-js";
import type { ServerInterceptor } from "@grpc/grpc-js";

import { grpcPeers, spiffeId } from "#common/contracts/grpc-peers.ts";
import type { ServiceName } from "#common/contracts/grpc-peers.ts";
import { SlipwayError } from "#common/domain/errors.ts";

import { serviceOf } from "./grpc-certificates.ts";
import type { Log } from "./log.ts";

/** Refuses calls of services that the method's row does not name. */
export function peerGuard(log: Log): ServerInterceptor {
  return (method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) => {
        const certificate = call.getAuthContext().sslPeerCertificate;
        const peer = certificate === undefined ? undefined : serviceOf(new X509Certificate(certificate.raw));
        const path = method.path.slice(1);
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, pass) => {
          if (peer !== undefined && grpcPeers[path]?.includes(peer) === true) return pass(metadata);
          const who = peer ?? "a certificate of no service";
          log.warn("a gRPC call was refused", { method: path, peer: who, address: call.getPeer() });
          call.sendStatus({ code: status.PERMISSION_DENIED, details: `${who} may not call ${path}` });
        });
        next(listener.build());
      },
    });
}

/** For a client: is the certificate that the server shows the one of this service, wherever it listens? */
export function isService(expected: ServiceName) {
  return (_host: string, shown: PeerCertificate): Error | undefined => {
    const service = serviceOf(new X509Certificate(shown.raw));
    if (service === expected) return undefined;
    const shows = service ?? "no service of ours";
    return new Error(`the certificate of ${shows} was shown, not that of ${spiffeId(expected)}`);
  };
}

/** Throws unless each method that is to be served has its row. */
export function assertRows(methods: readonly string[]): void {
  const without = methods.filter((method) => grpcPeers[method] === undefined);
  if (without.length === 0) return;
  throw new SlipwayError("INTERNAL", { detail: `no row says who may call ${without.join(", ")}` });
}
