import { assert, present } from "../lib/assert.ts";
import { seededRandom } from "../lib/random.ts";
import { Fault, type FaultCode } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { Instance } from "../model/instance.ts";
import { violations } from "../model/invariants.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import { DEFAULT_QUOTAS } from "../model/quota.ts";
import type { Reader, Tx } from "../model/state.ts";
import {
  applyParts,
  beginTx,
  newWorld,
  readerOf,
  realmReaders,
  type Transaction,
  type World,
} from "../model/world.ts";
import { seedRegion } from "./default-vpc.ts";
import type { Action, Context } from "./kit/action.ts";
import { perform } from "./perform.ts";

/**
 * A region to try actions on: each call is a transaction of its own, committed when it succeeds, as in the
 * server.
 */
export type TestRegion = {
  /** Runs one action and commits what it changed. */
  readonly call: <Input, Output>(action: Action<Input, Output>, input: Input) => Output;
  /** Runs an operation by name, with DryRun and ClientToken, as the server does. */
  readonly perform: (operation: string, input: object) => unknown;
  /** Runs anything else that changes the state, and commits it. */
  readonly change: <T>(body: (tx: Tx, context: Context) => T) => T;
  readonly reader: () => Reader;
  /** All regions, for what follows the state. */
  readonly world: World;
  readonly context: () => Context;
  /** A transaction that nobody commits. */
  readonly begin: () => Transaction;
  /** Another region of the account, in the same world and by the same clock; empty at first. */
  readonly elsewhere: (region: string) => TestRegion;
  /** Puts the clock forward. */
  readonly advance: (milliseconds: number) => void;
};

type Settings = Partial<Context> & {
  /** Whether the region begins with AWS's default VPC; else it is empty. */
  readonly defaultVpc?: boolean;
};

export function newRegion({ defaultVpc = false, ...settings }: Settings = {}): TestRegion {
  const world = newWorld();
  let now = Date.parse(settings.now ?? "2026-01-01T00:00:00.000Z");
  const fixed: Context = {
    account: "123456789012",
    region: "us-east-1",
    now: "",
    random: seededRandom(1),
    quotas: DEFAULT_QUOTAS,
    pools: ["203.0.113.0/24"],
    byoip: [],
    consoleOutput: () => undefined,
    ...settings,
  };
  const { account } = fixed;
  const inRegion = (region: string): TestRegion => {
    const context = (): Context => ({ ...fixed, region, now: new Date(now).toISOString() });
    const change: TestRegion["change"] = (body) => {
      const tx = beginTx(world, account, region);
      const result = body(tx, context());
      applyParts(world, tx.parts());
      return result;
    };
    const act: TestRegion["change"] = (body) => {
      const before = violations(realmReaders(world));
      const result = change(body);
      // What a test put there itself may be anything.
      const broken = violations(realmReaders(world)).filter((words) => !before.includes(words));
      assert(broken.length === 0, `the state is in order: ${broken.join("; ")}`);
      return result;
    };
    return {
      call: (action, input) => act((tx, context) => action(tx, input, context)),
      perform: (operation, input) => act((tx, context) => perform(tx, operation, input, context)),
      change,
      reader: () => readerOf(world, account, region),
      world,
      context,
      begin: () => beginTx(world, account, region),
      elsewhere: inRegion,
      advance: (milliseconds) => {
        now += milliseconds;
      },
    };
  };
  const made = inRegion(fixed.region);
  if (defaultVpc) made.change(seedRegion);
  return made;
}

/**
 * The bare record of an interface in a subnet, for tests of what looks at interfaces but does not make them.
 */
export function interfaceRecord(
  region: TestRegion,
  subnetId: string,
  privateIpAddresses: readonly string[],
  more: Partial<NetworkInterface> = {},
): NetworkInterface {
  return region.change((tx, { random }) => {
    const { vpcId, availabilityZone } = must(tx.get("subnet", subnetId));
    const eni: NetworkInterface = {
      kind: "network-interface",
      id: newId("network-interface", random),
      slot: tx.slot("network-interface"),
      tags: {},
      vpcId,
      subnetId,
      availabilityZone,
      description: "",
      macAddress: "02:00:00:00:00:01",
      privateIpAddresses,
      groupIds: [],
      sourceDestCheck: true,
      requesterManaged: false,
      assignPublicIp: false,
      ...more,
    };
    tx.put(eni);
    return eni;
  });
}

/** The bare record of an instance in a subnet, without an interface. */
export function instanceRecord(region: TestRegion, subnetId: string, more: Partial<Instance> = {}): Instance {
  return region.change((tx, { random, now }) => {
    const { vpcId, availabilityZone } = must(tx.get("subnet", subnetId));
    const instance: Instance = {
      kind: "instance",
      id: newId("instance", random),
      tags: {},
      reservationId: newId("reservation", random),
      launchIndex: 0,
      imageId: "ami-12345678",
      instanceType: "t3.micro",
      state: "running",
      bootGeneration: 1,
      stateTransitionReason: "",
      launchTime: now,
      vpcId,
      subnetId,
      availabilityZone,
      shutdownBehavior: "stop",
      disableApiTermination: false,
      disableApiStop: false,
      ebsOptimized: false,
      monitoring: false,
      tenancy: "default",
      metadataOptions: {
        httpTokens: "optional",
        httpPutResponseHopLimit: 1,
        httpEndpoint: "enabled",
        instanceMetadataTags: "disabled",
      },
      rootVolumeId: newId("volume", random),
      ...more,
    };
    tx.put(instance);
    return instance;
  });
}

/** Asserts that the body throws a fault with this code, and these words when they are given. */
export function refuses(code: FaultCode, body: () => unknown, words?: string | RegExp): void {
  const fault = thrownBy(body);
  assert(fault !== undefined, `${code} is thrown`);
  if (!(fault instanceof Fault)) throw fault;
  assert(fault.code === code, `${code} is thrown, not ${fault.code}: ${fault.message}`);
  const fits = typeof words === "string" ? fault.message === words : (words?.test(fault.message) ?? true);
  assert(fits, `the words are ${String(words)}, not ${fault.message}`);
}

function thrownBy(body: () => unknown): unknown {
  try {
    body();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The value, or a failed test when it is absent. */
export function must<T>(value: T | undefined): T {
  return present(value, "a value that the test needs");
}
