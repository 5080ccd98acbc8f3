import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** Workloads as one plain table, as many rows as the path says: what a page without our means would be. */
export async function servePlainTable(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const count = Math.min(10_000, Number.parseInt(request.url?.slice(1) ?? "", 10) || 0);
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(document(count));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function document(count: number): string {
  const rows = Array.from({ length: count }, (_, index) => {
    const cells = [
      `service-${index}`,
      "0.2.0",
      "0.3.0",
      "ready 1/1",
      "automated",
      "<button>Release</button>",
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  return `<!doctype html><title>table</title><table><tbody>${rows.join("")}</tbody></table>`;
}
