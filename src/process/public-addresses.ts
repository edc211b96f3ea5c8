/**
 * Which addresses are of the public internet, and a lookup of hosts that gives no others.
 * Boundary: addresses and names; who sends what where is not known here.
 */
import { lookup } from "node:dns";
import { BlockList, type LookupFunction } from "node:net";

/** The code of the error of a host with an address that is not public. */
export const PRIVATE_ADDRESS = "EPRIVATE";

// RFC 6890 and its registries.
const NOT_PUBLIC = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"],
  ...["203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128"],
  ...["64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"],
  ...["fc00::/7", "fe80::/10", "ff00::/8"],
];
const notPublic = new BlockList();
for (const range of NOT_PUBLIC) {
  const [net = "", bits] = range.split("/");
  notPublic.addSubnet(net, Number(bits), net.includes(":") ? "ipv6" : "ipv4");
}

/** Whether an address of IPv4 or IPv6 is one of the public internet. */
export function isPublic(address: string): boolean {
  // IPv4 within IPv6; a range of the list would be one of IPv4 too.
  if (/^::ffff:/i.test(address)) return false;
  return !notPublic.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

/** As dns.lookup; fails with PRIVATE_ADDRESS where one of the host's addresses is not public. */
export const lookupPublic: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, "");
    const [first] = found;
    if (first === undefined || !found.every(({ address }) => isPublic(address))) {
      return callback(Object.assign(new Error("not public"), { code: PRIVATE_ADDRESS }), "");
    }
    if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
