import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

/** A TCP connection to a peer that a test can cut and mend; the peer itself goes on. */
export interface Cable {
  readonly port: number;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Lays a cable to a port on loopback. */
export async function layCable(targetPort: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // An error is always followed by close, which is all that matters here.
    socket.on("error", () => socket.destroy());
    return socket;
  };
  const join = (near: Socket): void => {
    const far = keep(connect(targetPort, "127.0.0.1"));
    keep(near).pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  };
  let server = await listen(0, join);
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const { port } = address;
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    cut,
    close: cut,
    mend: async () => {
      server = await listen(port, join);
    },
  };
}

function listen(port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onSocket);
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
