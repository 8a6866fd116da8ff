import type { DropReason } from "../../contract/stages.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { AbsentReason } from "../../protocol/explain.ts";
import { request } from "./call.ts";
import { freeIpv6Block } from "./ipv6-block.ts";
import type { Obstacle } from "./obstacle.ts";
import type { Absent } from "./question.ts";
import {
  attachGateway,
  nat64Remedies,
  peerRemedies,
  routeRemedies,
  unattachedRemedies,
} from "./remedy-route.ts";
import { aclRemedies, groupRemedies } from "./remedy-rule.ts";
import { type Drop, only, type Remedy, type Scene, starts } from "./remedy.ts";
import { interfaceOf, regionAt, regionOf, type Scratch } from "./scratch.ts";

/**
 * Remedies for the obstacle, the best first; empty when each would open, or cut off, something else. They
 * apply in the obstacle's region.
 */
export function remediesFor({ scratch, question }: Scene, obstacle: Obstacle): readonly Remedy[] {
  const there = placeOfObstacle(scratch, obstacle);
  const remedies = remediesIn({ scratch: there, question }, obstacle);
  if (there.region === scratch.region) return remedies;
  return remedies.map((remedy) => ({
    ...remedy,
    calls: remedy.calls.map((call) => ({ region: there.region, ...call })),
  }));
}

function placeOfObstacle(scratch: Scratch, obstacle: Obstacle): Scratch {
  if (obstacle.kind === "misdirected") return scratch;
  if (obstacle.kind === "absent") return regionOf(scratch, obstacle.interface.id) ?? scratch;
  const { interface: slot, source, target } = obstacle.step;
  return regionAt(scratch, slot || (source ?? target ?? 0));
}

function remediesIn(scene: Scene, obstacle: Obstacle): readonly Remedy[] {
  if (obstacle.kind === "misdirected") return [];
  if (obstacle.kind === "no_such_host") return nat64Remedies(scene, obstacle.step);
  if (obstacle.kind === "absent") return ABSENT[obstacle.reason](scene.scratch, obstacle);
  return DROPPED[obstacle.step.what]?.(scene, obstacle) ?? [];
}

const DROPPED: Partial<Record<DropReason, (scene: Scene, obstacle: Drop) => readonly Remedy[]>> = {
  interface_down: startAt,
  destination_down: startAt,
  metadata_disabled: ({ scratch }, { step }) => {
    const id = interfaceOf(scratch, step.interface)?.attachment?.instanceId;
    if (id === undefined) return [];
    const enabled = { InstanceId: id, HttpEndpoint: "enabled" };
    return [
      only(request("ModifyInstanceMetadataOptions", enabled)),
      only(request("ModifyInstanceMetadataOptions", { ...enabled, HttpProtocolIpv6: "enabled" })),
    ];
  },
  dns_disabled: ({ scratch }, { step }) => {
    const id = interfaceOf(scratch, step.interface)?.vpcId;
    return id === undefined
      ? []
      : [only(request("ModifyVpcAttribute", { VpcId: id, EnableDnsSupport: { Value: true } }))];
  },
  security_group_out: groupRemedies,
  security_group_in: groupRemedies,
  network_acl_out: aclRemedies,
  network_acl_in: aclRemedies,
  no_route: routeRemedies,
  blackhole: routeRemedies,
  no_internet_gateway: unattachedRemedies,
  private_destination: peerRemedies,
  shared_destination: peerRemedies,
  no_public_ip: ({ scratch }, { step }) => {
    const eni = step.source === undefined ? undefined : interfaceOf(scratch, step.source);
    return eni?.privateIpAddresses.includes(step.flow.source) === true
      ? [associated(scratch, eni, step.flow.source)]
      : [];
  },
  block_public_access: ({ scratch }, { step }) => {
    const id = interfaceOf(scratch, step.interface)?.subnetId;
    if (id === undefined) return [];
    return ["allow-egress", "allow-bidirectional"].map((mode) =>
      only(
        request("CreateVpcBlockPublicAccessExclusion", { SubnetId: id, InternetGatewayExclusionMode: mode }),
      ),
    );
  },
  // An appliance accepts packets for other addresses.
  destination_check: ({ scratch }, { step }) => {
    const id = interfaceOf(scratch, step.interface)?.id;
    if (id === undefined) return [];
    return [
      only(
        request("ModifyNetworkInterfaceAttribute", {
          NetworkInterfaceId: id,
          SourceDestCheck: { Value: false },
        }),
      ),
    ];
  },
};

const ABSENT: Readonly<Record<AbsentReason, (scratch: Scratch, absent: Absent) => readonly Remedy[]>> = {
  no_ipv4_address: () => [],
  no_vpc_ipv6_block: (_scratch, { interface: { vpcId } }) => [
    only(request("AssociateVpcCidrBlock", { VpcId: vpcId, AmazonProvidedIpv6CidrBlock: true })),
  ],
  no_subnet_ipv6_block: ({ reader }, { interface: { vpcId, subnetId } }) => {
    const block = freeIpv6Block(reader, vpcId);
    return block === undefined
      ? []
      : [only(request("AssociateSubnetCidrBlock", { SubnetId: subnetId, Ipv6CidrBlock: block }))];
  },
  no_ipv6_address: (_scratch, { interface: { id } }) => [
    only(request("AssignIpv6Addresses", { NetworkInterfaceId: id, Ipv6AddressCount: 1 })),
  ],
  no_public_address: (scratch, { interface: eni }) => {
    const address = eni.privateIpAddresses[0] ?? "";
    const remedy = associated(scratch, eni, address);
    const gateway = attachGateway(scratch, eni.vpcId);
    const attached: Remedy = {
      ...remedy,
      calls: [...gateway.before, ...remedy.calls],
      also: "no_internet_gateway",
    };
    // Starting the instance may give it an address.
    return [...starts(scratch, eni), gateway.before.length > 0 ? attached : remedy];
  },
};

function startAt({ scratch }: Scene, { step }: Drop): readonly Remedy[] {
  const eni = interfaceOf(scratch, step.interface);
  return eni ? starts(scratch, eni) : [];
}

/** An Elastic IP for the private address: an unassociated one, or a new one. */
function associated({ reader }: Scratch, eni: NetworkInterface, address: string): Remedy {
  const free = reader
    .list("address")
    .find(({ association, serviceManaged }) => !association && serviceManaged === undefined)?.id;
  const isPrimary = eni.privateIpAddresses[0] === address;
  const where = { NetworkInterfaceId: eni.id, ...(isPrimary ? {} : { PrivateIpAddress: address }) };
  if (free !== undefined)
    return { calls: [request("AssociateAddress", { ...where, AllocationId: free })], takes: free };
  const allocate = request(
    "AllocateAddress",
    { Domain: "vpc" },
    { name: "allocation", path: "AllocationId" },
  );
  return {
    calls: [allocate, request("AssociateAddress", { ...where, AllocationId: { named: "allocation" } })],
  };
}
