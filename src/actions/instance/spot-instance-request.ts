import type {
  DescribeSpotInstanceRequestsRequest,
  DescribeSpotInstanceRequestsResult,
} from "@aws-sdk/client-ec2";
import { describesNone } from "../kit/empty-kind.ts";

/** EC2 API reference, DescribeSpotInstanceRequests. */
const FILTERS = [
  "availability-zone-group",
  "create-time",
  "fault-code",
  "fault-message",
  "instance-id",
  "launch-group",
  "launched-availability-zone",
  "launched-availability-zone-id",
  "network-interface.addresses.primary",
  "network-interface.delete-on-termination",
  "network-interface.description",
  "network-interface.device-index",
  "network-interface.group-id",
  "network-interface.network-interface-id",
  "network-interface.private-ip-address",
  "network-interface.subnet-id",
  "product-description",
  "spot-instance-request-id",
  "spot-price",
  "state",
  "status-code",
  "status-message",
  "type",
  "valid-from",
  "valid-until",
  "launch.image-id",
  "launch.instance-type",
  "launch.key-name",
  "launch.kernel-id",
  "launch.ramdisk-id",
  "launch.monitoring-enabled",
  "launch.group-id",
  "launch.group-name",
  "launch.block-device-mapping.delete-on-termination",
  "launch.block-device-mapping.device-name",
  "launch.block-device-mapping.snapshot-id",
  "launch.block-device-mapping.volume-size",
  "launch.block-device-mapping.volume-type",
];

const DescribeSpotInstanceRequests = describesNone<
  DescribeSpotInstanceRequestsRequest,
  DescribeSpotInstanceRequestsResult
>(
  "spot-instance-request",
  (input) => input.SpotInstanceRequestIds,
  () => ({ SpotInstanceRequests: [] }),
  FILTERS,
);

export const spotInstanceRequestActions = { DescribeSpotInstanceRequests };
