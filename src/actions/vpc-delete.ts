import type { DeleteVpcRequest } from "@aws-sdk/client-ec2";
import { present } from "../lib/assert.ts";
import { Fault } from "../model/fault.ts";
import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";
import type { Action } from "./action.ts";
import { deleteFlowLogsOf } from "./flow-log.ts";
import { type Done, DONE } from "./parameter.ts";
import { deleteRoutesOf } from "./route-table.ts";
import { deleteSecurityGroup } from "./security-group.ts";
import { disassociateGroupsFrom } from "./security-group-association.ts";
import { findVpc } from "./vpc.ts";
import { livePeeringsOf } from "./vpc-peering-connection-side.ts";

/** Deletes a VPC that nothing is left in, with what came with it. A default VPC's gateway and subnets are the user's to delete first. */
const DeleteVpc: Action<DeleteVpcRequest, Done> = (tx, input, context) => {
  const vpc = findVpc(tx, input.VpcId);
  if (hasDependencies(tx, vpc) || livePeeringsOf(tx, vpc.id, context.now).length > 0) {
    throw new Fault("DependencyViolation", `The vpc '${vpc.id}' has dependencies and cannot be deleted.`);
  }
  deleteSecurityGroup(tx, present(tx.get("security-group", vpc.defaultSecurityGroupId), vpc.defaultSecurityGroupId));
  tx.delete("network-acl", vpc.defaultNetworkAclId);
  for (const table of tx.by("route-table", "vpcId", vpc.id)) {
    deleteRoutesOf(tx, table);
    tx.delete("route-table", table.id);
  }
  disassociateGroupsFrom(tx, vpc.id);
  deleteFlowLogsOf(tx, vpc.id);
  tx.delete("vpc", vpc.id);
  return DONE;
};

/** The default group, the default network ACL and the main route table go with the VPC. */
function hasDependencies(tx: Reader, vpc: Vpc): boolean {
  return (
    tx.countBy("subnet", "vpcId", vpc.id) > 0 ||
    tx.countBy("internet-gateway", "vpcId", vpc.id) > 0 ||
    tx.countBy("egress-only-internet-gateway", "vpcId", vpc.id) > 0 ||
    tx.countBy("vpc-endpoint", "vpcId", vpc.id) > 0 ||
    tx.countBy("vpn-gateway", "vpcId", vpc.id) > 0 ||
    tx.countBy("carrier-gateway", "vpcId", vpc.id) > 0 ||
    tx.countBy("network-interface", "vpcId", vpc.id) > 0 ||
    tx.countBy("security-group", "vpcId", vpc.id) > 1 ||
    tx.countBy("network-acl", "vpcId", vpc.id) > 1 ||
    tx.countBy("route-table", "vpcId", vpc.id) > 1
  );
}

export const vpcDeleteActions = { DeleteVpc };
