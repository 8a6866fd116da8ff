import type { _InstanceType } from "@aws-sdk/client-ec2";

/**
 * What is known of an instance type. Source: EC2 instance types guide, "Specifications" and "IP addresses per
 * network interface".
 */
export type InstanceTypeFacts = {
  readonly name: _InstanceType;
  readonly architecture: "x86_64" | "arm64";
  readonly manufacturer: string;
  readonly clockGhz: number;
  readonly vcpus: number;
  readonly threadsPerCore: number;
  readonly memoryMib: number;
  readonly maxInterfaces: number;
  readonly ipv4PerInterface: number;
  readonly network: string;
  readonly hypervisor: "nitro" | "xen";
  readonly burstable: boolean;
  readonly currentGeneration: boolean;
  readonly freeTier: boolean;
  readonly instanceStorage: boolean;
};

/**
 * Name of the size, vCPUs, interfaces, IPv4 addresses per interface; memory in GiB where it does not follow
 * from the vCPUs.
 */
type Size = readonly [name: string, vcpus: number, interfaces: number, addresses: number, gib?: number];

/** Gigabit per second: `upTo` for sizes that share, `full` by the vCPUs of those that do not. */
type Bandwidth = { readonly upTo: number; readonly full: Readonly<Record<number, number>> };

type Family = {
  readonly names: readonly string[];
  readonly sizes: readonly Size[];
  readonly maker: "Intel" | "AMD" | "AWS";
  readonly clock: number;
  readonly gibPerVcpu: number;
  readonly bandwidth: Bandwidth | string;
  readonly burstable?: boolean;
  readonly old?: boolean;
  readonly storage?: boolean;
};

const BURSTABLE: readonly Size[] = [
  ["nano", 2, 2, 2, 0.5],
  ["micro", 2, 2, 2, 1],
  ["small", 2, 3, 4, 2],
  ["medium", 2, 3, 6, 4],
  ["large", 2, 3, 12, 8],
  ["xlarge", 4, 4, 15, 16],
  ["2xlarge", 8, 4, 15, 32],
];
const BURSTABLE_XEN: readonly Size[] = [
  ["nano", 1, 2, 2, 0.5],
  ["micro", 1, 2, 2, 1],
  ["small", 1, 3, 4, 2],
  ["medium", 2, 3, 6, 4],
  ["large", 2, 3, 12, 8],
  ["xlarge", 4, 3, 15, 16],
  ["2xlarge", 8, 3, 15, 32],
];
const TO_4XLARGE: readonly Size[] = [
  ["large", 2, 3, 10],
  ["xlarge", 4, 4, 15],
  ["2xlarge", 8, 4, 15],
  ["4xlarge", 16, 8, 30],
];
const TO_8XLARGE: readonly Size[] = [...TO_4XLARGE, ["8xlarge", 32, 8, 30]];
const TO_16XLARGE: readonly Size[] = [...TO_8XLARGE, ["12xlarge", 48, 8, 30], ["16xlarge", 64, 15, 50]];
const TO_24XLARGE: readonly Size[] = [...TO_16XLARGE, ["24xlarge", 96, 15, 50]];
const TO_32XLARGE: readonly Size[] = [...TO_24XLARGE, ["32xlarge", 128, 15, 50]];
const TO_48XLARGE: readonly Size[] = [...TO_24XLARGE, ["48xlarge", 192, 15, 50]];
const GRAVITON: readonly Size[] = [["medium", 1, 2, 4], ...TO_16XLARGE];
const C5: readonly Size[] = [
  ...TO_4XLARGE,
  ["9xlarge", 36, 8, 30],
  ["12xlarge", 48, 8, 30],
  ["18xlarge", 72, 15, 50],
  ["24xlarge", 96, 15, 50],
];
const C5N: readonly Size[] = [...TO_4XLARGE, ["9xlarge", 36, 8, 30], ["18xlarge", 72, 15, 50]];
const M4: readonly Size[] = [
  ["large", 2, 2, 10],
  ["xlarge", 4, 4, 15],
  ["2xlarge", 8, 4, 15],
  ["4xlarge", 16, 8, 30],
  ["10xlarge", 40, 8, 30],
  ["16xlarge", 64, 8, 30],
];
const C4: readonly Size[] = [
  ["large", 2, 3, 10],
  ["xlarge", 4, 4, 15],
  ["2xlarge", 8, 4, 15],
  ["4xlarge", 16, 8, 30],
  ["8xlarge", 36, 8, 30],
];
const GPU: readonly Size[] = [
  ["xlarge", 4, 3, 10],
  ["2xlarge", 8, 3, 10],
  ["4xlarge", 16, 3, 10],
  ["8xlarge", 32, 4, 15],
];

const GEN5: Bandwidth = { upTo: 10, full: { 32: 10, 36: 12, 48: 12, 64: 20, 72: 25, 96: 25 } };
const GEN5N: Bandwidth = { upTo: 25, full: { 36: 50, 72: 100 } };
const GEN6: Bandwidth = { upTo: 12.5, full: { 32: 12.5, 48: 18.75, 64: 25, 96: 37.5, 128: 50, 192: 50 } };
const GEN6G: Bandwidth = { upTo: 10, full: { 32: 12, 48: 20, 64: 25 } };
const GEN6GN: Bandwidth = { upTo: 25, full: { 32: 50, 48: 75, 64: 100 } };
const GEN7G: Bandwidth = { upTo: 12.5, full: { 32: 15, 48: 22.5, 64: 30 } };
const GPU_BANDWIDTH: Bandwidth = { upTo: 25, full: { 32: 50 } };

const FAMILIES: readonly Family[] = [
  {
    names: ["t1"],
    sizes: [["micro", 1, 2, 2, 0.612]],
    maker: "Intel",
    clock: 2.4,
    gibPerVcpu: 1,
    bandwidth: "Very Low",
    old: true,
  },
  {
    names: ["m1"],
    sizes: [["small", 1, 2, 4, 1.7]],
    maker: "Intel",
    clock: 2.4,
    gibPerVcpu: 1,
    bandwidth: "Low",
    old: true,
  },
  {
    names: ["t2"],
    sizes: BURSTABLE_XEN,
    maker: "Intel",
    clock: 2.3,
    gibPerVcpu: 4,
    bandwidth: "Low to Moderate",
    burstable: true,
  },
  {
    names: ["t3"],
    sizes: BURSTABLE,
    maker: "Intel",
    clock: 2.5,
    gibPerVcpu: 4,
    bandwidth: "Up to 5 Gigabit",
    burstable: true,
  },
  {
    names: ["t3a"],
    sizes: BURSTABLE,
    maker: "AMD",
    clock: 2.2,
    gibPerVcpu: 4,
    bandwidth: "Up to 5 Gigabit",
    burstable: true,
  },
  {
    names: ["t4g"],
    sizes: BURSTABLE,
    maker: "AWS",
    clock: 2.5,
    gibPerVcpu: 4,
    bandwidth: "Up to 5 Gigabit",
    burstable: true,
  },
  { names: ["m4"], sizes: M4, maker: "Intel", clock: 2.4, gibPerVcpu: 4, bandwidth: "High" },
  { names: ["c4"], sizes: C4, maker: "Intel", clock: 2.9, gibPerVcpu: 1.875, bandwidth: "High" },
  { names: ["m5"], sizes: TO_24XLARGE, maker: "Intel", clock: 3.1, gibPerVcpu: 4, bandwidth: GEN5 },
  { names: ["m5a"], sizes: TO_24XLARGE, maker: "AMD", clock: 2.5, gibPerVcpu: 4, bandwidth: GEN5 },
  { names: ["r5"], sizes: TO_24XLARGE, maker: "Intel", clock: 3.1, gibPerVcpu: 8, bandwidth: GEN5 },
  { names: ["r5a"], sizes: TO_24XLARGE, maker: "AMD", clock: 2.5, gibPerVcpu: 8, bandwidth: GEN5 },
  { names: ["c5"], sizes: C5, maker: "Intel", clock: 3.4, gibPerVcpu: 2, bandwidth: GEN5 },
  { names: ["c5a"], sizes: TO_24XLARGE, maker: "AMD", clock: 3.3, gibPerVcpu: 2, bandwidth: GEN5 },
  { names: ["c5n"], sizes: C5N, maker: "Intel", clock: 3.4, gibPerVcpu: 2.625, bandwidth: GEN5N },
  { names: ["m6i"], sizes: TO_32XLARGE, maker: "Intel", clock: 3.5, gibPerVcpu: 4, bandwidth: GEN6 },
  { names: ["c6i"], sizes: TO_32XLARGE, maker: "Intel", clock: 3.5, gibPerVcpu: 2, bandwidth: GEN6 },
  { names: ["r6i"], sizes: TO_32XLARGE, maker: "Intel", clock: 3.5, gibPerVcpu: 8, bandwidth: GEN6 },
  { names: ["m6a"], sizes: TO_48XLARGE, maker: "AMD", clock: 3.6, gibPerVcpu: 4, bandwidth: GEN6 },
  { names: ["c6a"], sizes: TO_48XLARGE, maker: "AMD", clock: 3.6, gibPerVcpu: 2, bandwidth: GEN6 },
  { names: ["m6g"], sizes: GRAVITON, maker: "AWS", clock: 2.5, gibPerVcpu: 4, bandwidth: GEN6G },
  { names: ["c6g"], sizes: GRAVITON, maker: "AWS", clock: 2.5, gibPerVcpu: 2, bandwidth: GEN6G },
  { names: ["r6g"], sizes: GRAVITON, maker: "AWS", clock: 2.5, gibPerVcpu: 8, bandwidth: GEN6G },
  { names: ["c6gn"], sizes: GRAVITON, maker: "AWS", clock: 2.5, gibPerVcpu: 2, bandwidth: GEN6GN },
  { names: ["m7i"], sizes: TO_48XLARGE, maker: "Intel", clock: 3.8, gibPerVcpu: 4, bandwidth: GEN6 },
  { names: ["c7i"], sizes: TO_48XLARGE, maker: "Intel", clock: 3.8, gibPerVcpu: 2, bandwidth: GEN6 },
  { names: ["r7i"], sizes: TO_48XLARGE, maker: "Intel", clock: 3.8, gibPerVcpu: 8, bandwidth: GEN6 },
  { names: ["m7i-flex"], sizes: TO_8XLARGE, maker: "Intel", clock: 3.8, gibPerVcpu: 4, bandwidth: GEN6 },
  { names: ["c7i-flex"], sizes: TO_8XLARGE, maker: "Intel", clock: 3.8, gibPerVcpu: 2, bandwidth: GEN6 },
  { names: ["m7a"], sizes: TO_48XLARGE, maker: "AMD", clock: 3.7, gibPerVcpu: 4, bandwidth: GEN6 },
  { names: ["c7a"], sizes: TO_48XLARGE, maker: "AMD", clock: 3.7, gibPerVcpu: 2, bandwidth: GEN6 },
  { names: ["m7g", "m8g"], sizes: GRAVITON, maker: "AWS", clock: 2.6, gibPerVcpu: 4, bandwidth: GEN7G },
  { names: ["c7g", "c8g"], sizes: GRAVITON, maker: "AWS", clock: 2.6, gibPerVcpu: 2, bandwidth: GEN7G },
  { names: ["r7g", "r8g"], sizes: GRAVITON, maker: "AWS", clock: 2.6, gibPerVcpu: 8, bandwidth: GEN7G },
  {
    names: ["i3"],
    sizes: TO_8XLARGE,
    maker: "Intel",
    clock: 3,
    gibPerVcpu: 7.625,
    bandwidth: GEN5,
    storage: true,
  },
  {
    names: ["i4i"],
    sizes: TO_16XLARGE,
    maker: "Intel",
    clock: 3.5,
    gibPerVcpu: 8,
    bandwidth: GEN6,
    storage: true,
  },
  {
    names: ["g4dn"],
    sizes: GPU,
    maker: "Intel",
    clock: 2.5,
    gibPerVcpu: 4,
    bandwidth: GPU_BANDWIDTH,
    storage: true,
  },
  {
    names: ["g5"],
    sizes: GPU,
    maker: "AMD",
    clock: 3.3,
    gibPerVcpu: 4,
    bandwidth: GPU_BANDWIDTH,
    storage: true,
  },
];

const XEN = new Set(["t1", "m1", "t2", "m4", "c4", "i3"]);
/** Besides Graviton: the families whose vCPUs are whole cores. */
const SINGLE_THREADED = new Set(["m7a", "c7a", "t1", "m1", "t2"]);
const FREE_TIER = new Set(["t2.micro", "t3.micro"]);

function families(): InstanceTypeFacts[] {
  return FAMILIES.flatMap((family) =>
    family.names.flatMap((name) => family.sizes.map((size) => factsOf(family, name, size))),
  );
}

function factsOf(
  family: Family,
  familyName: string,
  [size, vcpus, maxInterfaces, ipv4PerInterface, gib]: Size,
): InstanceTypeFacts {
  const name = `${familyName}.${size}` as _InstanceType;
  const singleThreaded = family.maker === "AWS" || SINGLE_THREADED.has(familyName) || vcpus === 1;
  return {
    name,
    architecture: family.maker === "AWS" ? "arm64" : "x86_64",
    manufacturer: family.maker,
    clockGhz: family.clock,
    vcpus,
    threadsPerCore: singleThreaded ? 1 : 2,
    memoryMib: Math.floor((gib ?? vcpus * family.gibPerVcpu) * 1024),
    maxInterfaces: name === "t3a.small" ? 2 : maxInterfaces,
    ipv4PerInterface,
    network: networkOf(family.bandwidth, vcpus),
    hypervisor: XEN.has(familyName) ? "xen" : "nitro",
    burstable: family.burstable ?? false,
    currentGeneration: family.old !== true,
    freeTier: FREE_TIER.has(name),
    instanceStorage: family.storage ?? false,
  };
}

function networkOf(bandwidth: Bandwidth | string, vcpus: number): string {
  if (typeof bandwidth === "string") return bandwidth;
  const full = bandwidth.full[vcpus];
  return full === undefined ? `Up to ${bandwidth.upTo} Gigabit` : `${full} Gigabit`;
}

/** Every instance type that can be launched, by name. */
export const INSTANCE_TYPES: ReadonlyMap<string, InstanceTypeFacts> = new Map(
  families().map((facts): [string, InstanceTypeFacts] => [facts.name, facts]),
);

/** What is known of a type by its name, or undefined when there is no such type. */
export function instanceTypeInfo(name: string): InstanceTypeFacts | undefined {
  return INSTANCE_TYPES.get(name);
}
