import type { SandboxRegistry } from "#sandbox/registry/registry.ts";

/** The image history of the 2016 story; times are UTC. */

const frontEnd: readonly (readonly [tags: readonly string[], createdAt: string])[] = [
  [["7f511af2d21fd601b86b3bed7baa6adfa9c8c669", "latest", "snapshot"], "2016-11-18T16:00:00Z"],
  [["16007dddd86b2ebb41d8880c53b77580cab13f02"], "2016-11-18T11:23:00Z"],
  [["a0eaf8c8ffc0b81c2199adaf7d67466891bb3205"], "2016-11-17T10:22:00Z"],
  [["1b664cc81d9cf25b213000686a9e8d6477ae1b06"], "2016-11-16T20:31:00Z"],
  [["ce1efe59c32d3c53344defdda4d5b643272022b8"], "2016-11-16T20:29:00Z"],
  [["4c33b216ae902ad89b9c3ca30a99a44833d16d5b"], "2016-11-10T21:34:00Z"],
  [["7015587783bc8f7a9c3d5cfa51e5a257fe188c4b"], "2016-11-10T11:34:00Z"],
  [["4d3ea2896c81e40a630d36cdc29ce740e7617016"], "2016-11-10T11:30:00Z"],
  [["0.2.0"], "2016-11-09T10:26:00Z"],
];

const others: readonly (readonly [repository: string, tag: string, createdAt: string])[] = [
  ["weaveworksdemos/cart", "0.3.0", "2016-10-25T09:12:00Z"],
  ["weaveworksdemos/catalogue", "0.2.0", "2016-10-21T14:03:00Z"],
  ["weaveworksdemos/catalogue-db", "0.2.0", "2016-10-21T14:05:00Z"],
  ["weaveworksdemos/log-shipper", "0.1.0", "2016-10-02T08:00:00Z"],
  ["weaveworksdemos/log-shipper", "0.1.1", "2016-11-14T08:30:00Z"],
  ["weaveworksdemos/orders", "0.3.0", "2016-10-25T09:20:00Z"],
  ["weaveworksdemos/payment", "0.3.0", "2016-10-25T09:31:00Z"],
  ["weaveworksdemos/queue-master", "0.3.0", "2016-10-25T09:40:00Z"],
  ["weaveworksdemos/shipping", "0.3.0", "2016-10-25T09:44:00Z"],
  ["weaveworksdemos/user", "0.3.0", "2016-10-25T09:52:00Z"],
  ["weaveworksdemos/user-db", "0.3.0", "2016-10-25T09:55:00Z"],
  ["library/mongo", "latest", "2016-11-08T00:10:00Z"],
  ["library/rabbitmq", "3", "2016-11-05T03:22:00Z"],
];

export function fillRegistry(registry: SandboxRegistry): void {
  for (const [[first = "", ...more], createdAt] of frontEnd) {
    registry.addImage("weaveworksdemos/front-end", first, { createdAt: new Date(createdAt) });
    for (const tag of more) registry.retag("weaveworksdemos/front-end", first, tag);
  }
  for (const [repository, tag, createdAt] of others) {
    registry.addImage(repository, tag, { createdAt: new Date(createdAt) });
  }
}
