import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTIONS } from "../src/actions/registry.ts";
import { Fault } from "../src/model/fault.ts";
import { findOperation } from "../src/wire/operations.ts";
import type { Shape, StructureShape } from "../src/wire/shape.ts";
import { fixedRegion } from "./fuzz/corpus.ts";

/** Parameters that nobody looks at, since whatever they ask for is so already. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  // Of an address that is associated with another.
  AssociateAddress: ["AllowReassociation"],
  // The association's id says all.
  DisassociateAddress: ["PublicIp"],
  // For protocols other than ICMP.
  CreateNetworkAclEntry: ["IcmpTypeCode"],
  ReplaceNetworkAclEntry: ["IcmpTypeCode"],
  // An instance here ends within seconds, whatever it is asked.
  StopInstances: ["SkipOsShutdown"],
  TerminateInstances: ["Force", "SkipOsShutdown"],
  // There are none of what could be shown besides.
  DescribeInstances: ["IncludeManagedResources"],
  DescribeInstanceStatus: ["IncludeManagedResources"],
  DescribeInstanceTypes: ["IncludeUnsupportedInRegion"],
  DescribeImages: ["IncludeDeprecated", "IncludeDisabled"],
  DescribeRegions: ["AllRegions"],
  DescribeAvailabilityZones: ["AllAvailabilityZones"],
  // It has one value.
  DescribeAddressesAttribute: ["Attribute"],
};

/** Of lists that are always empty any part is empty. */
const EMPTY =
  /^Describe(VpcEndpoints|VpcPeeringConnections|VpnGateways|TransitGateways|CarrierGateways|PrefixLists|ManagedPrefixLists) (Filters?|MaxResults|NextToken)$/;

test("no parameter is ignored in silence: each is looked at by its action, or the request is refused", () => {
  const region = fixedRegion();
  const ignored: string[] = [];
  let looked = 0;
  for (const [operation, input] of taken(region)) {
    for (const { path, request } of withOneMore(findOperation(operation)?.input, input)) {
      const read = new Set<string>();
      const name = `${operation} ${path}`;
      try {
        region.perform(operation, watched(request, "", read));
      } catch (error) {
        if (!(error instanceof Fault)) throw new Error(`${name} was not understood`, { cause: error });
        continue;
      }
      looked += 1;
      if (!read.has(path) && !WITHOUT_EFFECT[operation]?.includes(path) && !EMPTY.test(name)) ignored.push(name);
    }
  }
  assert.deepEqual(ignored, []);
  assert.ok(looked > 60, `${looked} parameters beside others that pass`);
});

/** A request for each operation that the region takes. */
function taken(region: ReturnType<typeof fixedRegion>): ReadonlyMap<string, object> {
  const describe = Object.keys(ACTIONS).map((operation) => ({ operation, input: {} }));
  const found = new Map<string, object>();
  for (const { operation, input } of [...describe, ...region.history]) {
    try {
      region.perform(operation, input);
      found.set(operation, input);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }
  return found;
}

type More = { readonly path: string; readonly request: object };

/** The request with each parameter that it does not have, one at a time: beside its own, and within them. */
function withOneMore(shape: StructureShape | undefined, input: object): readonly More[] {
  const found: More[] = [];
  const visit = (shape: Shape, value: unknown, path: string, put: (value: unknown) => object): void => {
    if (shape.kind === "list" && Array.isArray(value) && value.length > 0) {
      visit(shape.item, value[0], `${path}.*`, (first) => put([first, ...value.slice(1)]));
    }
    if (shape.kind !== "structure" || value === null || typeof value !== "object") return;
    for (const member of shape.members) {
      const inner = (value as Readonly<Record<string, unknown>>)[member.name];
      const name = path === "" ? member.name : `${path}.${member.name}`;
      const putHere = (other: unknown): object => put({ ...value, [member.name]: other });
      if (inner !== undefined) visit(member.shape, inner, name, putHere);
      else if (!COMMON.has(member.name)) found.push({ path: name, request: putHere(something(member.shape, 0)) });
    }
  };
  if (shape) visit(shape, input, "", (value) => value as object);
  return found;
}

/** `perform` looks at these for all actions. */
const COMMON: ReadonlySet<string> = new Set(["DryRun", "ClientToken"]);

function something(shape: Shape, depth: number): unknown {
  switch (shape.kind) {
    case "structure":
      return depth > 4 ? {} : Object.fromEntries(shape.members.map((member) => [member.name, something(member.shape, depth + 1)]));
    case "list":
      return [something(shape.item, depth + 1)];
    case "string":
      return "x";
    case "boolean":
      return true;
    case "integer":
    case "decimal":
      return 7;
    case "timestamp":
      return new Date(0);
    case "blob":
      return Buffer.from("x");
  }
}

/** The same value, which notes which of its members are asked for; of lists, of all items together. */
function watched(value: unknown, path: string, read: Set<string>): object {
  const below = (key: string, within: object): string => (Array.isArray(within) ? `${path}.*` : path === "" ? key : `${path}.${key}`);
  return new Proxy(value as object, {
    get: (target, key) => {
      const inner: unknown = Reflect.get(target, key);
      if (typeof key !== "string") return inner;
      read.add(below(key, target));
      const isPlain = typeof inner === "object" && inner !== null && !(inner instanceof Date) && !(inner instanceof Uint8Array);
      return isPlain && Object.hasOwn(target, key) ? watched(inner, below(key, target), read) : inner;
    },
    has: (target, key) => {
      if (typeof key === "string") read.add(below(key, target));
      return Reflect.has(target, key);
    },
  });
}
