import { expect, test } from "vitest";
import { createGuardedLookup, deniedRange, refuseLiteralAddress } from "./address-guard.ts";

test.each([
  ["127.0.0.1", "loopback"],
  ["127.255.3.4", "loopback"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:7f00:1", "loopback"],
  ["64:ff9b::7f00:1", "loopback"],
  ["169.254.169.254", "link-local"],
  ["fe80::1", "link-local"],
  ["64:ff9b::169.254.169.254", "link-local"],
  ["fd00:ec2::254", "metadata"],
  ["100.100.100.200", "metadata"],
  ["0.0.0.0", "reserved"],
  ["::", "reserved"],
  ["::7f00:1", "reserved"],
  ["2002:7f00:1::", "reserved"],
  ["224.0.0.1", "reserved"],
  ["255.255.255.255", "reserved"],
  ["not an address", "reserved"],
  ["10.1.2.3", "private"],
  ["172.31.0.1", "private"],
  ["192.168.1.1", "private"],
  ["100.64.0.1", "private"],
  ["fc00::1", "private"],
  ["::ffff:10.0.0.1", "private"],
])("%s is denied as %s", (address, range) => {
  expect(deniedRange(address, { allowPrivate: false })).toBe(range);
  expect(deniedRange(address, { allowPrivate: true })).toBe(range === "private" ? undefined : range);
});

test.each(["93.184.215.14", "172.32.0.1", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e", "::ffff:8.8.8.8"])(
  "%s may be reached",
  (address) => {
    expect(deniedRange(address, { allowPrivate: false })).toBeUndefined();
  },
);

test("numbers that a URL reads as loopback are refused, names are left to the lookup", () => {
  const strict = { allowPrivate: true };
  for (const url of ["http://0x7f.1/", "http://2130706433/", "http://[::1]:5000/", "http://127.1/"]) {
    expect(() => refuseLiteralAddress(new URL(url).hostname, strict)).toThrow(/loopback/);
  }
  expect(() => refuseLiteralAddress("registry.example.com", strict)).not.toThrow();
});

function lookup(addresses: { address: string; family: number }[], all: boolean) {
  const guarded = createGuardedLookup({
    allowPrivate: false,
    resolve: (_host, _options, done) => done(null, addresses),
  });
  return new Promise((resolve) => {
    guarded("registry.example.com", { all }, (error, address) => resolve(error ?? address));
  });
}

test("a name that resolves to a denied address only is refused", async () => {
  const answer = await lookup([{ address: "127.0.0.1", family: 4 }], false);
  expect(answer).toMatchObject({ code: "REGISTRY_ADDRESS_DENIED", facts: { range: "loopback" } });
  expect(await lookup([], true)).toMatchObject({ code: "REGISTRY_ADDRESS_DENIED" });
});

test("of several addresses only the permitted ones are handed out", async () => {
  const addresses = [
    { address: "10.0.0.1", family: 4 },
    { address: "93.184.215.14", family: 4 },
  ];
  expect(await lookup(addresses, true)).toEqual([addresses[1]]);
  expect(await lookup(addresses, false)).toBe("93.184.215.14");
});
