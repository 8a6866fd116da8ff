import assert from "node:assert/strict";
import { test } from "node:test";
import { newRegion, refuses } from "../test-region.ts";
import { hostActions } from "./host.ts";
import { spotInstanceRequestActions } from "./spot-instance-request.ts";

const { DescribeHosts } = hostActions;
const { DescribeSpotInstanceRequests } = spotInstanceRequestActions;

test("dedicated hosts and spot requests, which can't be made here, are described as none; unknown ids and filters are refused", () => {
  const region = newRegion();
  assert.deepEqual(region.call(DescribeHosts, {}), { Hosts: [] });
  assert.deepEqual(region.call(DescribeSpotInstanceRequests, {}), { SpotInstanceRequests: [] });
  refuses("InvalidHostID.NotFound", () => region.call(DescribeHosts, { HostIds: ["h-0123456789abcdef0"] }));
  refuses("InvalidSpotInstanceRequestID.NotFound", () =>
    region.call(DescribeSpotInstanceRequests, { SpotInstanceRequestIds: ["sir-1"] }),
  );
  refuses("InvalidParameterValue", () =>
    region.call(DescribeHosts, { Filter: [{ Name: "no-such-filter", Values: ["x"] }] }),
  );
  refuses("InvalidNextToken", () => region.call(DescribeHosts, { NextToken: "x" }));
});
