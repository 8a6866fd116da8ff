import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, boolean, integer, oneof, property, record } from "fast-check";
import type { HostMachine } from "../../model/machine.ts";
import { FIRST_PORT_BLOCK, LAST_PORT_BLOCK } from "../../model/network-interface.ts";
import { launchedPending, newSubnet, regionWithDefaults } from "../test-launch.ts";
import { must, type TestRegion } from "../test-region.ts";
import { natGatewayAddressActions } from "./nat-gateway-address.ts";
import { natGatewayActions } from "./nat-gateway.ts";
import { sharePorts } from "./nat-port-block.ts";

const host = (number: number): HostMachine => ({
  number,
  zones: [],
  capacity: 1_000,
  live: true,
  open: true,
  elsewhere: 0,
});

const interfaces = (region: TestRegion) =>
  region
    .reader()
    .list("network-interface")
    .filter(({ natGatewayId }) => natGatewayId !== undefined);

test("every machine with instances has ports of each NAT address of their VPC, and no port is given twice", () => {
  const step = oneof(
    record({ launch: integer({ min: 1, max: 15 }), again: boolean() }),
    record({ gateway: boolean() }),
    record({ addresses: integer({ min: 1, max: 2 }) }),
  );
  check(
    property(array(step, { maxLength: 12 }), (steps) => {
      let wanted = 1;
      const region = regionWithDefaults({ hosts: () => [host(wanted)] });
      const { subnetId } = newSubnet(region, "10.7.0.0/16");
      const share = (ids: readonly string[]): void =>
        region.change((tx) => {
          const changes = ids.flatMap((id) => {
            const after = tx.get("instance", id) ?? tx.get("network-interface", id);
            return after ? [{ kind: after.kind, id, after }] : [];
          });
          sharePorts(tx, changes);
        });
      for (const one of steps) {
        const before = new Map(interfaces(region).map((eni) => [eni.id, eni.portBlocks ?? []]));
        if ("launch" in one) {
          wanted = one.launch;
          share(launchedPending(region, { SubnetId: subnetId }));
        } else if ("gateway" in one) {
          // AWS's quota for a zone.
          if (interfaces(region).length === 5) continue;
          region.call(natGatewayActions.CreateNatGateway, {
            SubnetId: subnetId,
            ConnectivityType: "private",
          });
          share(interfaces(region).map(({ id }) => id));
        } else {
          const [eni] = interfaces(region);
          if (!eni || eni.privateIpAddresses.length + one.addresses > 8) continue;
          region.call(natGatewayAddressActions.AssignPrivateNatGatewayAddress, {
            NatGatewayId: must(eni.natGatewayId),
            PrivateIpAddressCount: one.addresses,
          });
          share([eni.id]);
        }
        const machines = new Set(
          region
            .reader()
            .list("instance")
            .map(({ machine }) => must(machine)),
        );
        for (const eni of interfaces(region)) {
          const blocks = eni.portBlocks ?? [];
          for (const old of before.get(eni.id) ?? []) assert.ok(blocks.includes(old), "what is given stays");
          const names = blocks.map(({ address, block }) => `${address} ${block}`);
          assert.equal(new Set(names).size, names.length, "no block is given twice");
          for (const { address, block } of blocks) {
            assert.ok(eni.privateIpAddresses.includes(address));
            assert.ok(block >= FIRST_PORT_BLOCK && block <= LAST_PORT_BLOCK);
          }
          for (const address of eni.privateIpAddresses) {
            const of = blocks.filter((block) => block.address === address);
            const having = new Set(of.map(({ machine }) => machine));
            const full = of.length === LAST_PORT_BLOCK - FIRST_PORT_BLOCK + 1;
            assert.ok(full || [...machines].every((machine) => having.has(machine)));
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});
