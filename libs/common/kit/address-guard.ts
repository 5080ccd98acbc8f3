import { lookup as dnsLookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";
import type { LookupFunction } from "node:net";
import { SlipwayError } from "#common/domain/errors.ts";

export type DeniedRange = "loopback" | "link-local" | "metadata" | "reserved" | "private";

type Subnet = readonly [address: string, prefix: number];

const alwaysDenied: readonly (readonly [DeniedRange, readonly Subnet[], readonly Subnet[]])[] = [
  ["loopback", [["127.0.0.0", 8]], [["::1", 128]]],
  ["link-local", [["169.254.0.0", 16]], [["fe80::", 10]]],
  // Clouds answer with credentials here, outside of the link-local range.
  [
    "metadata",
    [
      ["100.100.100.200", 32],
      ["168.63.129.16", 32],
    ],
    [["fd00:ec2::", 32]],
  ],
  [
    "reserved",
    [
      ["0.0.0.0", 8],
      ["224.0.0.0", 4],
      ["240.0.0.0", 4],
    ],
    // The old tunnels (IPv4-compatible, 6to4, Teredo) carry any IPv4 address inside.
    [
      ["::", 96],
      ["2002::", 16],
      ["2001::", 32],
      ["ff00::", 8],
    ],
  ],
];

const privateSubnets: readonly [readonly Subnet[], readonly Subnet[]] = [
  [
    ["10.0.0.0", 8],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
    ["100.64.0.0", 10],
    ["192.0.0.0", 24],
    ["198.18.0.0", 15],
  ],
  [
    ["fc00::", 7],
    ["fec0::", 10],
  ],
];

const deniedLists = [
  ...alwaysDenied.map(([range, v4, v6]) => ({ range, list: blockList(v4, v6) })),
  { range: "private" as const, list: blockList(...privateSubnets) },
];

/** The range that forbids this IP address, or undefined when it may be reached. */
export function deniedRange(address: string, o: { readonly allowPrivate: boolean }): DeniedRange | undefined {
  const bare = address.split("%", 1)[0] ?? ""; // without an interface, as in fe80::1%eth0
  const version = isIP(bare);
  if (version === 0) return "reserved"; // not an address: nothing we could vouch for
  const family = version === 6 ? "ipv6" : "ipv4";
  const found = deniedLists.find(({ list }) => list.check(bare, family));
  return found?.range === "private" && o.allowPrivate ? undefined : found?.range;
}

/** What may be reached, and how a refusal is told; a registry's when nothing else is said. */
export interface AddressRules {
  readonly allowPrivate: boolean;
  readonly denied?: (hostname: string, range: DeniedRange) => SlipwayError;
}

/** Throws when the host of a URL is itself a forbidden address; names are judged when they resolve. */
export function refuseLiteralAddress(hostname: string, o: AddressRules): void {
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(address) === 0) return;
  const range = deniedRange(address, o);
  if (range !== undefined) throw (o.denied ?? addressDenied)(hostname, range);
}

/**
 * A lookup for sockets that hands out permitted addresses only. Judging happens on the very addresses
 * the socket then connects to, so a name that changes its mind between two questions gains nothing.
 */
export function createGuardedLookup(
  o: AddressRules & { readonly resolve?: typeof resolveAll },
): LookupFunction {
  const resolve = o.resolve ?? resolveAll;
  return (hostname, options, callback) => {
    resolve(hostname, options, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const allowed = addresses.filter(({ address }) => deniedRange(address, o) === undefined);
      const [first] = allowed;
      if (first === undefined) {
        const range = addresses[0] === undefined ? "reserved" : deniedRange(addresses[0].address, o);
        return callback((o.denied ?? addressDenied)(hostname, range ?? "reserved"), "");
      }
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

function resolveAll(
  hostname: string,
  options: LookupOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
): void {
  dnsLookup(hostname, { ...options, all: true }, done);
}

/** The refusal of a host for the range its address is in. */
export function addressDenied(hostname: string, range: DeniedRange): SlipwayError {
  return new SlipwayError("REGISTRY_ADDRESS_DENIED", {
    detail: `${hostname} is a ${range} address`,
    hint:
      range === "private"
        ? "Set allowPrivateRegistries, or give the registry an endpoint in the settings"
        : "Give the registry an endpoint in the settings if this is meant",
    facts: { host: hostname, range },
  });
}

function blockList(v4: readonly Subnet[], v6: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of v4) {
    list.addSubnet(address, prefix, "ipv4"); // also matches ::ffff:0:0/96
    list.addSubnet(`64:ff9b::${address}`, 96 + prefix, "ipv6"); // NAT64
  }
  for (const [address, prefix] of v6) list.addSubnet(address, prefix, "ipv6");
  return list;
}
