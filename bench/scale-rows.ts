import { isOpen, type Rule, ruleListRows, traffic } from "../src/contract/rule-list.ts";
import type { Entry, RuleListName } from "../src/contract/tables.ts";
import { formatIpv4, ipv4 } from "../src/lib/address.ts";
import { type PlanSettings, settingsRow } from "../src/plan/settings.ts";

/**
 * A region of many interfaces with a public address each, as the rows of the tables; VPCs of up to 4,096
 * interfaces.
 */
const SCALE_POOL = "20.0.0.0/12";
const POOL_BASE = 20 * 2 ** 24;
const PER_VPC = 4096;
/** Slots 1 to 4 stand for the fixed links. */
const FIRST_SLOT = 5;
const UP_WITH_CHECKS = 1 | 2 | 4 | 16;
const LINKS = {
  uplink: 2,
  services: 3,
  fragments: 4,
  uplinkMac: "02:00:00:00:02:01",
  uplinkPeerMac: "02:00:00:00:02:02",
  servicesMac: "02:00:00:00:03:01",
  servicesPeerMac: "02:00:00:00:03:02",
};

function scaleSettings(): PlanSettings {
  return { pools: [SCALE_POOL], ...LINKS };
}

export type ScaleInterface = {
  readonly slot: number;
  readonly mac: string;
  readonly privateIp: string;
  readonly publicIp: string;
};

export function scaleInterface(index: number): ScaleInterface {
  const mac = Array.from({ length: 5 }, (_, place) =>
    (Math.floor(index / 256 ** (4 - place)) & 255).toString(16).padStart(2, "0"),
  );
  return {
    slot: FIRST_SLOT + index,
    mac: `02:${mac.join(":")}`,
    privateIp: formatIpv4(ipv4(10 * 2 ** 24 + 16 + (index % PER_VPC))),
    publicIp: formatIpv4(ipv4(POOL_BASE + index)),
  };
}

export function vpcOf(index: number): number {
  return Math.floor(index / PER_VPC);
}

export function scaleVpcs(count: number): number {
  return Math.ceil(count / PER_VPC);
}

/** All rows of a region of `count` interfaces. */
export function scaleRows(count: number): Entry[] {
  const rows: Entry[] = [settingsRow(scaleSettings())];
  for (let vpc = 0; vpc < scaleVpcs(count); vpc++) rows.push(...vpcRows(vpc));
  for (let index = 0; index < count; index++) rows.push(...interfaceRows(index));
  return rows;
}

/** The rows of one interface. */
export function interfaceRows(index: number): Entry[] {
  const { slot, mac, privateIp, publicIp } = scaleInterface(index);
  const vpc = vpcOf(index);
  const groups = Array.from({ length: 16 }, (_, index) => (index === 0 ? vpc : 0));
  return [
    {
      table: "interfaces",
      key: slot,
      value: {
        flags: UP_WITH_CHECKS,
        vpc,
        subnet: vpc,
        private_ip: privateIp,
        public_ip: publicIp,
        machine: 0,
        ipv6: "::",
        mac,
        group_count: 1,
        hop_limit: 1,
        groups,
      },
    },
    { table: "addresses", key: { vpc, address: privateIp }, value: { interface: slot, public_ip: publicIp } },
    { table: "public_addresses", key: index, value: { interface: slot, private_ip: privateIp } },
  ];
}

/** A VPC with its gateway, one subnet, a route to the gateway, a group and an ACL of a few rules. */
function vpcRows(vpc: number): Entry[] {
  const everybody = { peer: "0.0.0.0", peer_length: 96, group: 0, number: 100, action: 1 };
  const port = (number: number): Rule => ({ ...everybody, ...traffic(6, number, number) });
  const all: Rule = { ...everybody, ...traffic(-1, undefined, undefined) };
  const list = (name: RuleListName, rules: readonly Rule[]) =>
    ruleListRows(name, vpc, rules, name.startsWith("security") ? rules.filter(isOpen).length : 0);
  const route = (address: string, length: number, target: number, slot: number): Entry => ({
    table: "routes",
    key: { prefix_length: 32 + 96 + length, route_table: vpc, address },
    value: { target, slot },
  });
  return [
    {
      table: "vpcs",
      key: vpc,
      value: { internet_gateway: vpc + 1, flags: 1, gateway_route_table: 0, dns: "10.0.0.2" },
    },
    {
      table: "subnets",
      key: vpc,
      value: {
        vpc,
        route_table: vpc,
        network_acl: vpc,
        block: "10.0.0.0",
        router: "10.0.0.1",
        length: 16,
        flags: 0,
        zone: 0,
        ipv6_length: 0,
        ipv6_block: "::",
      },
    },
    route("10.0.0.0", 16, 1, 0),
    route("0.0.0.0", 0, 2, vpc),
    ...list("security_group_out", [all]),
    ...list("security_group_in", [port(22), port(80), port(443)]),
    ...list("network_acl_out", [all]),
    ...list("network_acl_in", [
      port(22),
      port(80),
      port(443),
      { ...everybody, ...traffic(6, 1024, 65535) },
      { ...everybody, ...traffic(17, 1024, 65535) },
    ]),
  ];
}
