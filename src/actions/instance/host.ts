import type { DescribeHostsRequest, DescribeHostsResult } from "@aws-sdk/client-ec2";
import { describesNone } from "../kit/empty-kind.ts";

/** EC2 API reference, DescribeHosts: Dedicated Hosts. */
const FILTERS = [
  "auto-placement",
  "availability-zone",
  "client-token",
  "host-reservation-id",
  "instance-type",
  "state",
];

const DescribeHosts = describesNone<DescribeHostsRequest, DescribeHostsResult>(
  "host",
  (input) => input.HostIds,
  () => ({ Hosts: [] }),
  FILTERS,
);

export const hostActions = { DescribeHosts };
