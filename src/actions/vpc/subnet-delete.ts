import type { DeleteSubnetRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { deleteFlowLogsOf } from "../flow-log/flow-log.ts";
import { followSubnets } from "../gateway/nat-gateway-regional.ts";
import type { Action } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE } from "../kit/parameter.ts";
import { deleteReservationsOf } from "./subnet-cidr-reservation.ts";

const DeleteSubnet: Action<DeleteSubnetRequest, Done> = (tx, input, context) => {
  const subnet = find(tx, "subnet", input.SubnetId);
  if (tx.countBy("network-interface", "subnetId", subnet.id) > 0) {
    throw new Fault(
      "DependencyViolation",
      `The subnet '${subnet.id}' has dependencies and cannot be deleted.`,
    );
  }
  deleteFlowLogsOf(tx, subnet.id);
  deleteReservationsOf(tx, subnet.id);
  tx.delete("subnet", subnet.id);
  followSubnets(tx, subnet.vpcId, context);
  return DONE;
};

export const subnetDeleteActions = { DeleteSubnet };
