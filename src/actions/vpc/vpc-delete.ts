import type { DeleteVpcRequest } from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { Fault } from "../../model/fault.ts";
import type { Reader } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import { deleteFlowLogsOf } from "../flow-log/flow-log.ts";
import { livePeeringsOf } from "../gateway/vpc-peering-connection-side.ts";
import type { Action } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE } from "../kit/parameter.ts";
import { deleteRoutesOf } from "../route/route-table.ts";
import { disassociateGroupsFrom } from "../security/security-group-association.ts";
import { deleteSecurityGroup } from "../security/security-group.ts";

/**
 * Deletes a VPC that nothing is left in, with what came with it. A default VPC's gateway and subnets are the
 * user's to delete first.
 */
const DeleteVpc: Action<DeleteVpcRequest, Done> = (tx, input, context) => {
  const vpc = find(tx, "vpc", input.VpcId);
  if (hasDependencies(tx, vpc) || livePeeringsOf(tx, vpc.id, context.now).length > 0) {
    throw new Fault("DependencyViolation", `The vpc '${vpc.id}' has dependencies and cannot be deleted.`);
  }
  deleteSecurityGroup(
    tx,
    present(tx.get("security-group", vpc.defaultSecurityGroupId), vpc.defaultSecurityGroupId),
  );
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
