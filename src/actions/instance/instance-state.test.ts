import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Fault } from "../../model/fault.ts";
import { addressAssociationActions } from "../interface/address-association.ts";
import { addressActions } from "../interface/address.ts";
import { networkInterfaceActions } from "../interface/network-interface.ts";
import {
  instanceNow,
  launchedPending,
  launchedRunning,
  machineHalted,
  newSubnet,
  regionWithDefaults,
} from "../test-launch.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { exitedByItself, bootDone, haltDone, purgeTerminated } from "./instance-lifecycle.ts";
import { instanceStateActions } from "./instance-state.ts";

const {
  StartInstances,
  StopInstances,
  RebootInstances,
  TerminateInstances,
  MonitorInstances,
  UnmonitorInstances,
} = instanceStateActions;

function stateOf(region: TestRegion, id: string): string | undefined {
  return region.reader().get("instance", id)?.state;
}

test("a stop releases the automatic address at once, a start brings another boot and a new address", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region);
  const before = instanceNow(region, id);
  const stop = region.call(StopInstances, { InstanceIds: [id] });
  assert.deepEqual(stop.StoppingInstances, [
    {
      InstanceId: id,
      CurrentState: { Code: 64, Name: "stopping" },
      PreviousState: { Code: 16, Name: "running" },
    },
  ]);
  assert.equal(instanceNow(region, id).PublicIpAddress, undefined);
  assert.equal(region.reader().list("network-interface")[0]?.autoPublicIp, undefined);
  machineHalted(region, id);
  const stopped = instanceNow(region, id);
  assert.equal(stopped.State?.Name, "stopped");
  assert.equal(stopped.StateTransitionReason, "User initiated (2026-01-01 00:00:00 GMT)");
  assert.deepEqual(stopped.StateReason, {
    Code: "Client.UserInitiatedShutdown",
    Message: "Client.UserInitiatedShutdown: User initiated shutdown",
  });

  region.advance(60_000);
  const start = region.call(StartInstances, { InstanceIds: [id] });
  assert.deepEqual(start.StartingInstances, [
    {
      InstanceId: id,
      CurrentState: { Code: 0, Name: "pending" },
      PreviousState: { Code: 80, Name: "stopped" },
    },
  ]);
  region.change((tx, context) => bootDone(tx, id, context));
  const after = instanceNow(region, id);
  assert.equal(after.State?.Name, "running");
  assert.notEqual(must(after.PublicIpAddress), before.PublicIpAddress);
  assert.equal(after.PrivateIpAddress, before.PrivateIpAddress);
  assert.equal(after.StateReason, undefined);
  assert.equal(after.LaunchTime?.getTime(), must(before.LaunchTime).getTime() + 60_000);
  assert.equal(region.reader().get("instance", id)?.bootGeneration, 2);
});

test("an Elastic IP stays through stop and start, and is free after termination", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region);
  const { AllocationId, PublicIp } = region.call(addressActions.AllocateAddress, {});
  region.call(addressAssociationActions.AssociateAddress, {
    InstanceId: id,
    AllocationId: must(AllocationId),
  });
  region.call(StopInstances, { InstanceIds: [id] });
  machineHalted(region, id);
  assert.equal(instanceNow(region, id).PublicIpAddress, PublicIp);
  region.call(StartInstances, { InstanceIds: [id] });
  assert.equal(instanceNow(region, id).PublicIpAddress, PublicIp);
  region.call(TerminateInstances, { InstanceIds: [id] });
  machineHalted(region, id);
  const address = must(region.reader().get("address", must(AllocationId)));
  assert.equal(address.association, undefined);
});

test("termination takes the interfaces that go with it, leaves the others, and is forgotten after an hour", () => {
  const region = newRegion();
  const { subnetId: SubnetId } = newSubnet(region, "10.0.0.0/24");
  const made = region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId });
  const NetworkInterfaceId = must(made.NetworkInterface?.NetworkInterfaceId);
  const id = launchedRunning(region, {
    NetworkInterfaces: [
      { DeviceIndex: 0, SubnetId },
      { DeviceIndex: 1, NetworkInterfaceId },
    ],
  });
  region.call(TerminateInstances, { InstanceIds: [id] });
  // Until the machine has let go of them, its interfaces are there.
  assert.equal(stateOf(region, id), "shutting-down");
  assert.equal(region.reader().count("network-interface"), 2);
  machineHalted(region, id);
  assert.deepEqual(
    region
      .reader()
      .list("network-interface")
      .map((eni) => [eni.id, eni.attachment]),
    [[NetworkInterfaceId, undefined]],
  );
  const gone = instanceNow(region, id);
  assert.deepEqual(gone.State, { Code: 48, Name: "terminated" });
  assert.deepEqual(
    [gone.VpcId, gone.SubnetId, gone.PrivateIpAddress, gone.PrivateDnsName],
    [undefined, undefined, undefined, ""],
  );
  assert.deepEqual([gone.NetworkInterfaces, gone.BlockDeviceMappings, gone.SecurityGroups], [[], [], []]);
  const again = region.call(TerminateInstances, { InstanceIds: [id] }).TerminatingInstances?.[0];
  assert.deepEqual([again?.CurrentState?.Name, again?.PreviousState?.Name], ["terminated", "terminated"]);

  region.advance(59 * 60_000);
  region.change(purgeTerminated);
  assert.equal(stateOf(region, id), "terminated");
  region.advance(60_000);
  region.change(purgeTerminated);
  assert.equal(stateOf(region, id), undefined);
});

test("the states from which an instance can be started, stopped, rebooted", () => {
  const region = regionWithDefaults();
  const pending = must(launchedPending(region)[0]);
  refuses("IncorrectInstanceState", () => region.call(StopInstances, { InstanceIds: [pending] }));
  refuses("IncorrectInstanceState", () => region.call(RebootInstances, { InstanceIds: [pending] }));
  const id = launchedRunning(region);
  const started = region.call(StartInstances, { InstanceIds: [id] }).StartingInstances?.[0];
  assert.deepEqual([started?.CurrentState?.Name, started?.PreviousState?.Name], ["running", "running"]);
  region.call(StopInstances, { InstanceIds: [id] });
  refuses(
    "IncorrectInstanceState",
    () => region.call(StartInstances, { InstanceIds: [id] }),
    `The instance '${id}' is not in a state from which it can be started.`,
  );
  machineHalted(region, id);
  const stopped = region.call(StopInstances, { InstanceIds: [id] }).StoppingInstances?.[0];
  assert.deepEqual([stopped?.CurrentState?.Name, stopped?.PreviousState?.Name], ["stopped", "stopped"]);
  region.call(TerminateInstances, { InstanceIds: [id] });
  machineHalted(region, id);
  refuses(
    "IncorrectInstanceState",
    () => region.call(StopInstances, { InstanceIds: [id] }),
    `This instance '${id}' is not in a state from which it can be stopped.`,
  );
});

test("one instance that can't follow holds back all that were named", () => {
  const region = regionWithDefaults();
  const free = launchedRunning(region);
  const kept = launchedRunning(region, { DisableApiTermination: true });
  refuses(
    "OperationNotPermitted",
    () => region.call(TerminateInstances, { InstanceIds: [free, kept] }),
    `The instance '${kept}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
  );
  assert.equal(stateOf(region, free), "running");
  const unstoppable = launchedRunning(region, { DisableApiStop: true });
  refuses(
    "OperationNotPermitted",
    () => region.call(StopInstances, { InstanceIds: [unstoppable] }),
    /'disableApiStop'/,
  );
});

test("malformed and unknown ids are refused", () => {
  const region = regionWithDefaults();
  const call = (...InstanceIds: string[]): unknown => region.call(StopInstances, { InstanceIds });
  refuses("InvalidInstanceID.Malformed", () => call("i-xyz"), 'Invalid id: "i-xyz" (expecting "i-...")');
  refuses(
    "InvalidInstanceID.NotFound",
    () => call("i-01234567"),
    "The instance ID 'i-01234567' does not exist",
  );
  refuses(
    "InvalidInstanceID.NotFound",
    () => call("i-01234567", "i-89abcdef"),
    "The instance IDs 'i-01234567, i-89abcdef' do not exist",
  );
  refuses("InvalidParameterCombination", () => call(), "No instances specified");
});

test("a reboot boots anew and changes nothing else", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region);
  const before = instanceNow(region, id);
  region.call(RebootInstances, { InstanceIds: [id] });
  assert.deepEqual(instanceNow(region, id), before);
  assert.equal(region.reader().get("instance", id)?.bootGeneration, 2);
});

test("an instance that ends by itself stops or terminates, as its shutdown behavior says", () => {
  const region = regionWithDefaults();
  for (const [InstanceInitiatedShutdownBehavior, passing, rest] of [
    ["stop", "stopping", "stopped"],
    ["terminate", "shutting-down", "terminated"],
  ] as const) {
    const id = launchedRunning(region, { InstanceInitiatedShutdownBehavior });
    region.change((tx, context) => exitedByItself(tx, id, context));
    assert.equal(stateOf(region, id), passing);
    assert.equal(instanceNow(region, id).StateReason?.Code, "Client.InstanceInitiatedShutdown");
    machineHalted(region, id);
    assert.equal(stateOf(region, id), rest);
  }
});

test("monitoring is a record", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region);
  const on = region.call(MonitorInstances, { InstanceIds: [id] });
  assert.deepEqual(on.InstanceMonitorings, [{ InstanceId: id, Monitoring: { State: "pending" } }]);
  assert.equal(instanceNow(region, id).Monitoring?.State, "enabled");
  region.call(UnmonitorInstances, { InstanceIds: [id] });
  assert.equal(instanceNow(region, id).Monitoring?.State, "disabled");
});

const STEPS = ["start", "stop", "reboot", "terminate", "boot", "halt", "exit"] as const;

function step(region: TestRegion, id: string, name: (typeof STEPS)[number]): void {
  const InstanceIds = [id];
  const steps = {
    start: () => region.call(StartInstances, { InstanceIds }),
    stop: () => region.call(StopInstances, { InstanceIds }),
    reboot: () => region.call(RebootInstances, { InstanceIds }),
    terminate: () => region.call(TerminateInstances, { InstanceIds }),
    boot: () => region.change((tx, context) => bootDone(tx, id, context)),
    halt: () => region.change((tx, context) => haltDone(tx, id, context)),
    exit: () => region.change((tx, context) => exitedByItself(tx, id, context)),
  };
  try {
    steps[name]();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "IncorrectInstanceState") throw error;
  }
}

test("in any order of requests and reports, an automatic address is held exactly while pending or running", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS), { maxLength: 30 }), (names) => {
      const region = regionWithDefaults();
      const id = must(launchedPending(region)[0]);
      let ended = false;
      for (const name of names) {
        step(region, id, name);
        const state = must(stateOf(region, id));
        const interfaces = region.reader().list("network-interface");
        assert.equal(
          interfaces.some((eni) => eni.autoPublicIp !== undefined),
          state === "pending" || state === "running",
        );
        assert.equal(interfaces.length, state === "terminated" ? 0 : 1);
        assert.ok(!ended || state === "terminated");
        ended = state === "terminated";
      }
    }),
    { numRuns: 100, seed: 7 },
  );
});
