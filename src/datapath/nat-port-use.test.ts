import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeStruct } from "../contract/layout.ts";
import { NAT_SIDE } from "../contract/nat-connection.ts";
import { portUseSteps } from "./nat-port-use.ts";
import { bench, noKernel } from "./test-kit.ts";

const UDP = 17;

describe("the use of NAT gateways' ports", { skip: noKernel }, () => {
  it("is counted by address and block, and of the busiest destination, from what faces the internet", () => {
    const { maps } = bench().datapath;
    const value = encodeStruct("nat_connection", {
      expires: 1n,
      created: 1n,
      address: "10.0.0.5",
      port: 5,
      inside_fin: 0,
      outside_fin: 0,
      reset: 0,
      pad: [0, 0, 0],
      claim: 0,
      more_pad: 0,
    });
    const add = (local: string, port: number, remote: string, side: number): void => {
      const ports = { local_port: port, remote_port: 53, protocol: UDP };
      const key = { interface: 20, local, remote, ...ports, side, pad: [0, 0] };
      maps.nat_connections.update(encodeStruct("nat_key", key), value);
    };
    for (let port = 1_024; port < 4_000; port++) add("10.0.1.9", port, "198.51.100.1", NAT_SIDE.outside);
    for (let port = 9_000; port < 9_100; port++) add("10.0.1.9", port, "198.51.100.2", NAT_SIDE.outside);
    for (let port = 1; port < 500; port++) add("10.0.0.5", port, "198.51.100.1", NAT_SIDE.inside);
    add("10.0.1.10", 65_535, "198.51.100.1", NAT_SIDE.outside);
    const steps = portUseSteps(maps.nat_connections);
    let step = steps.next();
    while (!step.done) step = steps.next();
    const found = [...step.value].toSorted((a, b) => a.address.localeCompare(b.address));
    assert.deepEqual(
      found.map(({ address, used }) => [address, [...used].toSorted((a, b) => a - b)]),
      [
        ["10.0.1.10", [63]],
        ["10.0.1.9", [1, 2, 3, 8]],
      ],
    );
    assert.deepEqual(
      found.map(({ interface: slot, most }) => [slot, most]),
      [
        [20, 1],
        [20, 2_976],
      ],
    );
  });
});
