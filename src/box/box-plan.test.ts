import assert from "node:assert/strict";
import { test } from "node:test";
import { boxMachines, FEWEST_MACHINES, MOST_MACHINES } from "./box-plan.ts";

test("a box of any size has three that decide, two or three gateways, two hosts, and every zone a host", () => {
  for (let count = FEWEST_MACHINES; count <= MOST_MACHINES; count++) {
    const machines = boxMachines(count);
    const having = (role: string) => machines.filter(({ roles }) => (roles as string[]).includes(role));
    assert.equal(machines.length, count);
    assert.equal(having("control").length, 3);
    assert.equal(having("gateway").length, count < 7 ? 2 : 3);
    assert.ok(having("host").length >= 2);
    assert.equal(new Set(machines.map(({ address }) => address)).size, count);
    assert.ok(machines.every(({ roles }) => roles.length > 0));
    for (const { zones, roles } of machines) assert.equal(zones.length > 0, roles.includes("host"));
    const runs = (zone: string) => machines.filter(({ zones }) => zones.includes(zone)).length;
    assert.ok([..."abcdef"].every((zone) => runs(zone) >= (count >= 6 ? 2 : 1)));
    assert.equal([...new Set(machines.flatMap(({ zones }) => zones))].toSorted().join(""), "abcdef");
  }
});

test("five machines: three decide and run instances, two are gateways", () => {
  assert.deepEqual(
    boxMachines(5).map(({ address, roles, zones }) => [address, roles.join("+"), zones.join("")]),
    [
      ["100.126.0.1", "control+host", "ad"],
      ["100.126.0.2", "control+host", "be"],
      ["100.126.0.3", "control+host", "cf"],
      ["100.126.0.4", "gateway", ""],
      ["100.126.0.5", "gateway", ""],
    ],
  );
});
