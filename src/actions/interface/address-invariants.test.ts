import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Fault } from "../../model/fault.ts";
import { primaryPrivateIp } from "../../model/network-interface.ts";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import type { Reader } from "../../model/state.ts";
import { internetGatewayAttachmentActions } from "../gateway/internet-gateway-attachment.ts";
import { launched, moveInstance, newNetwork, type TestNetwork } from "../test-network.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressActions, elasticIpOf, hasMappedPublicAddress } from "./address.ts";
import { networkInterfaceAddressActions } from "./network-interface-address.ts";
import { networkInterfaceAttachmentActions } from "./network-interface-attachment.ts";
import { networkInterfaceActions } from "./network-interface.ts";

type Step = readonly [kind: number, first: number, second: number];

/**
 * Tries one request on resources that the numbers choose among those there are; a fault is as good an outcome
 * as any.
 */
function tryStep({ region, vpcId, gatewayId, subnetId }: TestNetwork, [kind, first, second]: Step): void {
  const pick = <T>(list: readonly T[], place: number): T | undefined =>
    list[place % Math.max(1, list.length)];
  const reader = region.reader();
  const eni = pick(reader.list("network-interface"), first);
  const address = pick(reader.list("address"), second);
  const instance = pick(reader.list("instance"), second);
  const [NetworkInterfaceId, AllocationId] = [eni?.id, address?.id];
  const gateway = { InternetGatewayId: gatewayId, VpcId: vpcId };
  const privateIp = eni && pick(eni.privateIpAddresses, second);
  const steps: readonly (() => unknown)[] = [
    () => region.call(addressActions.AllocateAddress, {}),
    () =>
      region.call(addressAssociationActions.AssociateAddress, {
        AllocationId,
        NetworkInterfaceId,
        PrivateIpAddress: privateIp,
      }),
    () =>
      region.call(addressAssociationActions.DisassociateAddress, {
        AssociationId: address?.association?.associationId,
      }),
    () => region.call(addressAssociationActions.ReleaseAddress, { AllocationId }),
    () => instance && moveInstance(region, instance.id, first % 2 === 0 ? "running" : "stopped"),
    () => region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId: subnetId }),
    () => region.call(networkInterfaceActions.DeleteNetworkInterface, { NetworkInterfaceId }),
    () =>
      region.call(networkInterfaceAttachmentActions.AttachNetworkInterface, {
        NetworkInterfaceId,
        InstanceId: instance?.id,
        DeviceIndex: 1,
      }),
    () =>
      region.call(networkInterfaceAttachmentActions.DetachNetworkInterface, {
        AttachmentId: eni?.attachment?.attachmentId,
      }),
    () =>
      region.call(networkInterfaceAddressActions.AssignPrivateIpAddresses, {
        NetworkInterfaceId,
        PrivateIpAddresses: [`10.0.1.${100 + (second % 3)}`],
        AllowReassignment: true,
      }),
    () =>
      region.call(networkInterfaceAddressActions.UnassignPrivateIpAddresses, {
        NetworkInterfaceId,
        PrivateIpAddresses: privateIp === undefined ? [] : [privateIp],
      }),
    () => region.call(internetGatewayAttachmentActions.DetachInternetGateway, gateway),
    () => region.call(internetGatewayAttachmentActions.AttachInternetGateway, gateway),
  ];
  try {
    pick(steps, kind)?.();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

function holds(reader: Reader, vpcId: string): void {
  const addresses = reader.list("address");
  const interfaces = reader.list("network-interface");
  const publicIps = [
    ...addresses.map((address) => address.publicIp),
    ...interfaces.flatMap((eni) => eni.autoPublicIp ?? []),
  ];
  assert.equal(new Set(publicIps).size, publicIps.length, "no public address is held twice");
  const privateIps = interfaces.flatMap((eni) => eni.privateIpAddresses);
  assert.equal(new Set(privateIps).size, privateIps.length, "no private address is held twice");
  for (const { association } of addresses) {
    if (!association) continue;
    const eni = reader.get("network-interface", association.networkInterfaceId);
    assert.ok(
      eni?.privateIpAddresses.includes(association.privateIpAddress),
      "an association's private address is the interface's",
    );
  }
  const mapped = addresses.flatMap(({ association }) => association?.privateIpAddress ?? []);
  assert.equal(new Set(mapped).size, mapped.length, "no private address has two Elastic IPs");
  for (const eni of interfaces) {
    if (eni.autoPublicIp === undefined) continue;
    assert.equal(
      elasticIpOf(reader, eni, primaryPrivateIp(eni) ?? ""),
      undefined,
      "an automatic address gives way to an Elastic IP",
    );
    assert.equal(
      reader.get("instance", eni.attachment?.instanceId ?? "")?.state,
      "running",
      "a stopped instance has no automatic address",
    );
  }
  const attached = reader.by("internet-gateway", "vpcId", vpcId).length > 0;
  assert.ok(attached || mapped.length === 0, "an Elastic IP is mapped only behind an attached gateway");
  const isMapped = mapped.length > 0 || interfaces.some((eni) => eni.autoPublicIp !== undefined);
  assert.equal(hasMappedPublicAddress(reader, vpcId), isMapped);
}

test("whatever is asked in whatever order, public addresses stay one to one", () => {
  const number = fc.nat({ max: 1000 });
  const steps = fc.array(fc.tuple(fc.nat({ max: 12 }), number, number), { minLength: 5, maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      const network = newNetwork({
        pools: ["203.0.113.0/29"],
        quotas: { ...DEFAULT_QUOTAS, "elastic-ips": 6 },
      });
      launched(network, { assignPublicIp: true });
      launched(network, { assignPublicIp: true });
      for (const step of all) {
        tryStep(network, step);
        holds(network.region.reader(), network.vpcId);
      }
    }),
    { numRuns: 150 },
  );
});
