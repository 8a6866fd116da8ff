import { entryKey } from "../contract/entry.ts";
import { memoryTables } from "../contract/memory-tables.ts";
import { NO_POOL, poolIndex } from "../contract/pool.ts";
import {
  type Entry,
  INTERFACE_FLAGS,
  SUBNET_FLAGS,
  ROUTE_TARGET,
  RULE_LIST,
  RULES_PER_CHUNK,
  type TableName,
  type TableReader,
  TABLES,
} from "../contract/tables.ts";

/**
 * What is wrong with the rows of a plan: two rows with one key, or a row that points to a missing one. Empty
 * when all is well.
 */
export function lint(entries: readonly Entry[]): readonly string[] {
  const tables = memoryTables(entries);
  return [
    ...duplicates(entries),
    ...entries.flatMap((entry) =>
      complaintsAbout(entry, tables).map((words) => `${entryKey(entry)}: ${words}`),
    ),
  ];
}

function duplicates(entries: readonly Entry[]): readonly string[] {
  const seen = new Set<string>();
  return entries.flatMap((entry) => {
    const key = entryKey(entry);
    if (seen.has(key)) return [`${key}: stands there twice`];
    seen.add(key);
    return [];
  });
}

type Check<T extends TableName> = (entry: Entry<T>, tables: TableReader) => readonly (string | false)[];

function complaintsAbout(entry: Entry, tables: TableReader): readonly string[] {
  const check = CHECKS[entry.table] as unknown as Check<TableName>;
  const tooFar =
    typeof entry.key === "number" && entry.key >= TABLES[entry.table].max && "lies behind the table's end";
  return [tooFar, ...check(entry, tables)].filter((words) => words !== false);
}

const CHECKS: { readonly [T in TableName]: Check<T> } = {
  settings: () => [],
  vpcs: () => [],
  subnets: ({ value }, tables) => [
    !tables.lookup("vpcs", value.vpc) && `no VPC ${value.vpc}`,
    !(value.flags & SUBNET_FLAGS.no_network_acl) &&
      !hasLists(tables, value.network_acl, "network_acl_out", "network_acl_in") &&
      `no lists of network ACL ${value.network_acl}`,
  ],
  interfaces: ({ key, value }, tables) => [
    !tables.lookup("vpcs", value.vpc) && `no VPC ${value.vpc}`,
    tables.lookup("subnets", value.subnet)?.vpc !== value.vpc &&
      `subnet ${value.subnet} is not in VPC ${value.vpc}`,
    // An IPv6-only interface has no IPv4 address.
    value.private_ip !== "0.0.0.0" &&
      tables.lookup("addresses", { vpc: value.vpc, address: value.private_ip })?.interface !== key &&
      `${value.private_ip} is not its own`,
    !(value.flags & INTERFACE_FLAGS.present) && "is absent",
    ...value.groups
      .slice(0, value.group_count)
      .map(
        (group) =>
          !hasLists(tables, group, "security_group_out", "security_group_in") &&
          `no lists of security group ${group}`,
      ),
  ],
  nat_gateways: ({ key, value }, tables) => {
    const eni = tables.lookup("interfaces", key.interface);
    return [
      !(eni && eni.flags & INTERFACE_FLAGS.nat_gateway) && `interface ${key.interface} is no NAT gateway's`,
      value.addresses[0] !== eni?.private_ip && `its first address is ${eni?.private_ip}`,
      ...value.addresses
        .slice(0, value.count)
        .map(
          (address) =>
            tables.lookup("addresses", { vpc: eni?.vpc ?? 0, address })?.interface !== key.interface &&
            `${address} is not its own`,
        ),
    ];
  },
  idle_timeouts: ({ key }, tables) => {
    const flags = tables.lookup("interfaces", key.interface)?.flags ?? 0;
    return [
      (flags & INTERFACE_FLAGS.idle_timeouts) === 0 &&
        `interface ${key.interface} does not say that it has them`,
    ];
  },
  addresses: ({ key, value }, tables) => {
    const eni = tables.lookup("interfaces", value.interface);
    const mapped = value.public_ip !== "0.0.0.0";
    const index = mapped ? poolIndex(tables.lookup("settings", 0)?.pools ?? [], value.public_ip) : NO_POOL;
    const back = tables.lookup("public_addresses", index);
    return [
      eni?.vpc !== key.vpc && `interface ${value.interface} is not in VPC ${key.vpc}`,
      eni?.private_ip === key.address &&
        eni.public_ip !== value.public_ip &&
        `its interface has public address ${eni.public_ip}`,
      mapped &&
        (back?.interface !== value.interface || back.private_ip !== key.address) &&
        `${value.public_ip} does not lead back`,
    ];
  },
  asking_addresses: ({ key, value }, tables) => {
    const eni = tables.lookup("interfaces", key.interface);
    const addresses = value.addresses.filter((address) => address !== "::");
    return [
      addresses[0] !== (key.ipv6 ? eni?.ipv6 : eni?.private_ip) &&
        `its first address is no primary one of ${key.interface}`,
      ...addresses.map(
        (address) =>
          tables.lookup("addresses", { vpc: eni?.vpc ?? 0, address })?.interface !== key.interface &&
          `${address} is not its own`,
      ),
    ];
  },
  public_addresses: ({ value }, tables) => {
    const vpc = tables.lookup("interfaces", value.interface)?.vpc;
    const there = vpc !== undefined && tables.lookup("addresses", { vpc, address: value.private_ip });
    return [
      (!there || there.interface !== value.interface) &&
        `interface ${value.interface} has no address ${value.private_ip}`,
    ];
  },
  routes: ({ value }, tables) => [
    value.target === ROUTE_TARGET.nat_gateway &&
      !tables.lookup("nat_gateways", { interface: value.slot }) &&
      `no NAT gateway ${value.slot}`,
    value.target === ROUTE_TARGET.interface &&
      !tables.lookup("interfaces", value.slot) &&
      `no interface ${value.slot}`,
  ],
  rule_lists: ({ key, value }, tables) => {
    const chunks = Math.ceil(value.count / RULES_PER_CHUNK);
    const missing = Array.from({ length: chunks }, (_, chunk) => chunk).filter(
      (chunk) =>
        !tables.lookup("rule_chunks", {
          version: value.version,
          kind: key.kind,
          owner: key.owner,
          chunk,
          pad: 0,
        }),
    );
    return missing.map((chunk) => `no chunk ${chunk}`);
  },
  rule_chunks: ({ key }, tables) => {
    const list = tables.lookup("rule_lists", { kind: key.kind, owner: key.owner });
    return [
      (list?.version !== key.version || key.chunk * RULES_PER_CHUNK >= list.count) && "no list points to it",
    ];
  },
};

function hasLists(
  tables: TableReader,
  owner: number,
  ...names: readonly (keyof typeof RULE_LIST)[]
): boolean {
  return names.every((name) => tables.lookup("rule_lists", { kind: RULE_LIST[name], owner }) !== undefined);
}
