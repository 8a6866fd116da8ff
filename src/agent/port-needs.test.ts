import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, integer, property, record } from "fast-check";
import { natGatewayActions } from "../actions/gateway/nat-gateway.ts";
import { adjustPorts, sharePorts } from "../actions/gateway/nat-port-block.ts";
import { launchedPending, newSubnet, regionWithDefaults } from "../actions/test-launch.ts";
import { must } from "../actions/test-region.ts";
import { NAT_BLOCK_PORTS } from "../contract/overlay.ts";
import { FIRST_PORT_BLOCK, LAST_PORT_BLOCK } from "../model/network-interface.ts";
import { natBlocks } from "../plan/nat-block.ts";
import { type IdleBlocks, portNeeds } from "./port-needs.ts";

const MACHINES = 3;

/** Three machines with instances behind one NAT gateway: what the kernel of each has on its ports. */
class Model {
  #wanted = 1;
  readonly region = regionWithDefaults({
    hosts: () => [{ number: this.#wanted, zones: [], capacity: 1_000, live: true, open: true, elsewhere: 0 }],
  });
  /** By machine: the ports of its connections, all to one destination. */
  readonly connections = new Map<number, Set<number>>();
  readonly #idle = new Map<number, IdleBlocks>();
  #now = 0;

  constructor() {
    const { region } = this;
    const { subnetId } = newSubnet(region, "10.7.0.0/16");
    const ids = Array.from({ length: MACHINES }, (_, index) => {
      this.#wanted = index + 1;
      this.connections.set(this.#wanted, new Set());
      return must(launchedPending(region, { SubnetId: subnetId })[0]);
    });
    region.change((tx) => {
      for (const id of ids) tx.put({ ...must(tx.get("instance", id)), state: "running" });
    });
    region.call(natGatewayActions.CreateNatGateway, { SubnetId: subnetId, ConnectivityType: "private" });
    region.change((tx) => sharePorts(tx, [{ kind: "network-interface", id: this.eni.id, after: this.eni }]));
  }

  get eni() {
    return must(
      this.region
        .reader()
        .list("network-interface")
        .find(({ natGatewayId }) => natGatewayId),
    );
  }

  realms() {
    return [{ realm: { account: "123456789012", region: "us-east-1" }, reader: this.region.reader() }];
  }

  /** What packets of a machine obey. */
  open(machine: number): readonly number[] {
    return natBlocks(this.realms(), machine)
      .filter((one) => one.machine === machine)
      .map(({ block }) => block);
  }

  /** Opens connections on the first free ports, as far as there are any. Returns how many. */
  connect(machine: number, count: number): number {
    const used = must(this.connections.get(machine));
    const before = used.size;
    for (const block of this.open(machine))
      for (let port = block * NAT_BLOCK_PORTS; port < (block + 1) * NAT_BLOCK_PORTS; port++)
        if (used.size < before + count) used.add(port);
    return used.size - before;
  }

  close(machine: number, keep: number): void {
    this.connections.set(machine, new Set([...must(this.connections.get(machine))].slice(0, keep)));
  }

  look(machine: number, seconds: number): void {
    this.#now += seconds * 1_000;
    const ports = [...must(this.connections.get(machine))];
    const open = new Set(this.open(machine));
    const used = new Set(ports.map((port) => Math.floor(port / NAT_BLOCK_PORTS)));
    const { said, idle } = portNeeds({
      me: machine,
      realms: this.realms(),
      use: [
        { interface: this.eni.slot, address: must(this.eni.privateIpAddresses[0]), used, most: ports.length },
      ],
      isClosing: (_slot, _address, block) => !open.has(block),
      idle: this.#idle.get(machine) ?? new Map(),
      now: this.#now,
    });
    this.#idle.set(machine, idle);
    for (const { reports } of said) this.region.change((tx) => adjustPorts(tx, machine, reports));
  }
}

test("a block belongs to one machine, and to another one only after its last connection", () => {
  const step = record({
    machine: integer({ min: 1, max: MACHINES }),
    what: constantFrom("connect", "close", "look"),
    amount: integer({ min: 0, max: 40_000 }),
  });
  check(
    property(array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const { machine, what, amount } of steps) {
        if (what === "connect") model.connect(machine, amount);
        else if (what === "close") model.close(machine, Math.floor(amount / 20));
        else model.look(machine, amount / 100);
        const { portBlocks = [] } = model.eni;
        const owners = new Map(portBlocks.map(({ block, machine: owner }) => [block, owner]));
        assert.equal(owners.size, portBlocks.length, "no block is given twice");
        assert.ok(portBlocks.every(({ block }) => block >= FIRST_PORT_BLOCK && block <= LAST_PORT_BLOCK));
        for (const [owner, ports] of model.connections)
          for (const port of ports) assert.equal(owners.get(Math.floor(port / NAT_BLOCK_PORTS)), owner);
      }
    }),
    { numRuns: 100 },
  );
});

test("one machine can have nearly all ports, and another one has them when they are idle", () => {
  const model = new Model();
  const fill = (machine: number, wanted: number): number => {
    let had = model.connections.get(machine)?.size ?? 0;
    for (let round = 0; round < 40; round++) {
      had += model.connect(machine, wanted - had);
      for (let other = 1; other <= MACHINES; other++) model.look(other, 1);
    }
    return had;
  };
  const all = (LAST_PORT_BLOCK - FIRST_PORT_BLOCK + 1) * NAT_BLOCK_PORTS;
  assert.equal(fill(1, all), all - (MACHINES - 1) * NAT_BLOCK_PORTS, "each other one keeps a block");
  model.close(1, 100);
  assert.ok(fill(2, 30_000) >= 30_000);
});

test("what lies idle is given back, as far as there is more than everybody has", () => {
  const model = new Model();
  model.connect(1, 4_000);
  for (let round = 0; round < 5; round++) model.look(1, 1);
  assert.equal(model.open(1).length, 8);
  model.close(1, 10);
  model.look(1, 1);
  assert.equal(model.open(1).length, 8, "not at once");
  for (let round = 0; round < 5; round++) model.look(1, 300);
  assert.equal(model.open(1).length, 4);
  assert.equal(model.eni.portBlocks?.length, 4 * MACHINES, "others can have them");
});
