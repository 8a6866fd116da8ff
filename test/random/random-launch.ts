/** Instances for random regions, as they are when their launch is over. */

import type { Context } from "../../src/actions/kit/action.ts";
import { perform } from "../../src/actions/perform.ts";
import { present } from "../../src/lib/assert.ts";
import { newId } from "../../src/model/id.ts";
import type { Instance } from "../../src/model/instance.ts";
import type { Resources } from "../../src/model/resource.ts";
import type { Picker, Request } from "./random-request.ts";

/** A running instance on a new interface. */
export const launch: Request = (picker) => {
  const subnet = picker.pick("subnet");
  if (subnet) launchIn(picker, subnet.id);
};

/** The same in this subnet. */
export function launchIn({ tx, context, number }: Picker, subnetId: string): void {
  const answer = perform(tx, "CreateNetworkInterface", { SubnetId: subnetId }, context) as {
    NetworkInterface: { NetworkInterfaceId: string };
  };
  const eni = present(
    tx.get("network-interface", answer.NetworkInterface.NetworkInterfaceId),
    "the interface",
  );
  const id = newId("instance", context.random);
  const metadata = number(2) === 0 ? "enabled" : "disabled";
  const publicIp = `203.0.113.${1 + number(14)}`;
  const assign = number(2) === 0 && !tx.publicIpTaken(publicIp);
  tx.put(instance(id, eni, metadata, 1 + number(64)));
  tx.put({
    ...eni,
    attachment: attachment(context, id, 0),
    assignPublicIp: assign,
    ...(assign ? { autoPublicIp: publicIp } : {}),
  });
}

export function attachment(
  context: Context,
  instanceId: string,
  deviceIndex: number,
): NonNullable<Resources["network-interface"]["attachment"]> {
  const attachmentId = newId("network-interface-attachment", context.random);
  return {
    attachmentId,
    instanceId,
    deviceIndex,
    networkCardIndex: 0,
    deleteOnTermination: true,
    attachTime: context.now,
  };
}

function instance(
  id: string,
  eni: Resources["network-interface"],
  httpEndpoint: "enabled" | "disabled",
  hopLimit: number,
): Instance {
  return {
    kind: "instance",
    id,
    tags: {},
    reservationId: "r-0123456789abcdef0",
    launchIndex: 0,
    imageId: "ami-0123456789abcdef0",
    instanceType: "t3.micro",
    state: "running",
    bootGeneration: 1,
    stateTransitionReason: "",
    launchTime: "2026-01-01T00:00:00.000Z",
    vpcId: eni.vpcId,
    subnetId: eni.subnetId,
    availabilityZone: eni.availabilityZone,
    shutdownBehavior: "stop",
    disableApiTermination: false,
    disableApiStop: false,
    ebsOptimized: false,
    monitoring: false,
    tenancy: "default",
    metadataOptions: {
      httpTokens: "optional",
      httpPutResponseHopLimit: hopLimit,
      httpEndpoint,
      instanceMetadataTags: "disabled",
    },
    rootVolumeId: "vol-0123456789abcdef0",
  };
}
