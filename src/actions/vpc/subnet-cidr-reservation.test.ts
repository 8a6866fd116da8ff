import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseIpv4, parseIpv6 } from "../../lib/address.ts";
import { blockContains, ipv4BlockOf, ipv6BlockOf } from "../../lib/block.ts";
import { networkInterfaceActions } from "../interface/network-interface.ts";
import { assignableAddressCount } from "../interface/subnet-address.ts";
import { newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetCidrReservationActions } from "./subnet-cidr-reservation.ts";
import { subnetCreateActions } from "./subnet-create.ts";
import { subnetDeleteActions } from "./subnet-delete.ts";

const { CreateSubnetCidrReservation, DeleteSubnetCidrReservation, GetSubnetCidrReservations } =
  subnetCidrReservationActions;
const { CreateNetworkInterface } = networkInterfaceActions;

function subnetOf({ region, vpcId: VpcId }: TestNetwork, CidrBlock: string): string {
  return must(region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock }).Subnet?.SubnetId);
}

test("a reservation is made, described, tagged and deleted, and goes with its subnet", () => {
  const network = newNetwork();
  const { region } = network;
  const SubnetId = subnetOf(network, "10.0.9.0/24");
  const reserve = (Cidr: string, ReservationType: "prefix" | "explicit" = "explicit") =>
    must(
      region.call(CreateSubnetCidrReservation, {
        SubnetId,
        Cidr,
        ReservationType,
        Description: "kept",
        TagSpecifications: [{ ResourceType: "subnet-cidr-reservation", Tags: [{ Key: "a", Value: "b" }] }],
      }).SubnetCidrReservation,
    );
  const first = reserve("10.0.9.17/28");
  assert.match(must(first.SubnetCidrReservationId), /^scr-[0-9a-f]{17}$/);
  assert.deepEqual(first, {
    SubnetCidrReservationId: first.SubnetCidrReservationId,
    SubnetId,
    Cidr: "10.0.9.16/28",
    ReservationType: "explicit",
    OwnerId: "123456789012",
    Description: "kept",
    Tags: [{ Key: "a", Value: "b" }],
  });
  const second = reserve("10.0.9.64/26", "prefix");
  const found = (...filters: [Name: string, value: string][]) =>
    region
      .call(GetSubnetCidrReservations, {
        SubnetId,
        Filters: filters.map(([Name, value]) => ({ Name, Values: [value] })),
      })
      .SubnetIpv4CidrReservations?.map(({ SubnetCidrReservationId }) => SubnetCidrReservationId);
  assert.deepEqual(found(), [first.SubnetCidrReservationId, second.SubnetCidrReservationId]);
  assert.deepEqual(found(["reservationType", "prefix"]), [second.SubnetCidrReservationId]);
  assert.deepEqual(found(["tag:a", "b"])?.length, 2);
  for (const wrong of ["10.0.9.0/27", "10.0.8.0/28", "10.0.0.0/8", "ten", "2001:db8::/80"])
    refuses("InvalidParameterValue", () => reserve(wrong));
  const gone = { SubnetCidrReservationId: first.SubnetCidrReservationId };
  assert.deepEqual(region.call(DeleteSubnetCidrReservation, gone).DeletedSubnetCidrReservation, first);
  refuses("InvalidSubnetCidrReservationID.NotFound", () => region.call(DeleteSubnetCidrReservation, gone));
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId });
  assert.equal(region.reader().count("subnet-cidr-reservation"), 0);
});

test("reservations for IPv6 go with the subnet's IPv6 block, and do not come back with another", () => {
  const network = newNetwork();
  const { region, vpcId: VpcId } = network;
  const SubnetId = subnetOf(network, "10.0.9.0/24");
  region.perform("AssociateVpcCidrBlock", { VpcId, AmazonProvidedIpv6CidrBlock: true });
  const Ipv6CidrBlock = must(region.reader().get("vpc", VpcId)?.ipv6CidrBlocks?.[0]).ipv6CidrBlock.replace(
    "/56",
    "/64",
  );
  const associate = () => region.perform("AssociateSubnetCidrBlock", { SubnetId, Ipv6CidrBlock });
  associate();
  for (const Cidr of ["10.0.9.16/28", Ipv6CidrBlock])
    region.call(CreateSubnetCidrReservation, { SubnetId, Cidr, ReservationType: "explicit" });
  const AssociationId = region.reader().get("subnet", SubnetId)?.ipv6CidrBlock?.associationId;
  region.perform("DisassociateSubnetCidrBlock", { AssociationId });
  const { SubnetIpv4CidrReservations, SubnetIpv6CidrReservations } = region.call(GetSubnetCidrReservations, {
    SubnetId,
  });
  assert.deepEqual([SubnetIpv4CidrReservations?.length, SubnetIpv6CidrReservations], [1, []]);
  associate();
  assert.ok(
    region.call(CreateNetworkInterface, { SubnetId, Ipv6AddressCount: 1 }).NetworkInterface?.Ipv6Address,
  );
});

test("reserved addresses are given only to requests that name them", () => {
  const network = newNetwork();
  const { region } = network;
  const SubnetId = subnetOf(network, "10.0.9.0/28");
  region.call(CreateSubnetCidrReservation, { SubnetId, Cidr: "10.0.9.4/30", ReservationType: "explicit" });
  const made = (input: object = {}) =>
    region.call(CreateNetworkInterface, { SubnetId, ...input }).NetworkInterface?.PrivateIpAddress;
  assert.deepEqual(Array.from({ length: 7 }, () => made()).toSorted(), [
    "10.0.9.10",
    "10.0.9.11",
    "10.0.9.12",
    "10.0.9.13",
    "10.0.9.14",
    "10.0.9.8",
    "10.0.9.9",
  ]);
  refuses("InsufficientFreeAddressesInSubnet", () => made());
  const launch = { ImageId: "ami-12345678", MinCount: 1, MaxCount: 1, SubnetId };
  refuses("InsufficientFreeAddressesInSubnet", () => region.perform("RunInstances", launch));
  assert.equal(made({ PrivateIpAddress: "10.0.9.5" }), "10.0.9.5");
});

test("whatever is reserved, as many addresses can be had as are counted, none of them reserved", () => {
  const blocks = fc.uniqueArray(fc.tuple(fc.nat(15), fc.integer({ min: 28, max: 32 })), { maxLength: 6 });
  fc.assert(
    fc.property(blocks, fc.array(fc.nat(70), { maxLength: 12 }), (wanted, named) => {
      const network = newNetwork();
      const { region } = network;
      const SubnetId = subnetOf(network, "10.0.9.0/26");
      const attempt = (change: () => unknown): void => {
        try {
          change();
        } catch {
          // It meets another, or an address is reserved for AWS or in use.
        }
      };
      for (const [place, length] of wanted) {
        attempt(() =>
          region.call(CreateSubnetCidrReservation, {
            SubnetId,
            Cidr: `10.0.9.${place * 4}/${length}`,
            ReservationType: "prefix",
          }),
        );
      }
      for (const n of named)
        attempt(() => region.call(CreateNetworkInterface, { SubnetId, PrivateIpAddress: `10.0.9.${n}` }));
      const subnet = must(region.reader().get("subnet", SubnetId));
      const reserved = region.reader().list("subnet-cidr-reservation");
      for (let left = assignableAddressCount(region.reader(), subnet); left > 0; left -= 1) {
        const ip = must(region.call(CreateNetworkInterface, { SubnetId }).NetworkInterface?.PrivateIpAddress);
        assert.ok(!reserved.some(({ cidr }) => blockContains(ipv4BlockOf(cidr), must(parseIpv4(ip)))), ip);
      }
      refuses("InsufficientFreeAddressesInSubnet", () => region.call(CreateNetworkInterface, { SubnetId }));
    }),
    { numRuns: 40 },
  );
});

test("an address in a reserved IPv6 block is given only when it is named, even when hardly any other is left", () => {
  const network = newNetwork();
  const { region, vpcId: VpcId, subnetId: SubnetId } = network;
  region.perform("AssociateVpcCidrBlock", { VpcId, AmazonProvidedIpv6CidrBlock: true });
  const Ipv6CidrBlock = must(region.reader().get("vpc", VpcId)?.ipv6CidrBlocks?.[0]).ipv6CidrBlock.replace(
    "/56",
    "/64",
  );
  region.perform("AssociateSubnetCidrBlock", { SubnetId, Ipv6CidrBlock });
  const base = Ipv6CidrBlock.replace("::/64", "");
  // All but ::8 to ::f, of which one is held.
  const reserve = (Cidr: string) =>
    region.call(CreateSubnetCidrReservation, { SubnetId, Cidr, ReservationType: "explicit" });
  reserve(`${base}::/125`);
  for (let length = 65; length <= 124; length += 1) {
    const place = (1n << BigInt(128 - length)) + must(parseIpv6(`${base}::`));
    const text = place.toString(16).padStart(32, "0").match(/.{4}/g)?.join(":");
    reserve(`${text}/${length}`);
  }
  const all = region.call(GetSubnetCidrReservations, { SubnetId }).SubnetIpv6CidrReservations ?? [];
  assert.equal(all.length, 61);
  const named = (end: string) =>
    region.call(CreateNetworkInterface, { SubnetId, Ipv6Addresses: [{ Ipv6Address: `${base}::${end}` }] });
  named("9");
  named("1234");
  const given = Array.from({ length: 7 }, () =>
    must(
      region.call(CreateNetworkInterface, { SubnetId, Ipv6AddressCount: 1 }).NetworkInterface?.Ipv6Address,
    ),
  );
  assert.equal(new Set(given).size, 7);
  for (const ip of given) assert.ok(blockContains(ipv6BlockOf(`${base}::8/125`), must(parseIpv6(ip))), ip);
  refuses("InsufficientFreeAddressesInSubnet", () =>
    region.call(CreateNetworkInterface, { SubnetId, Ipv6AddressCount: 1 }),
  );
});
