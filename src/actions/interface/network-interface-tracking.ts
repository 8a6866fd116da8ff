import type {
  ConnectionTrackingConfiguration,
  ConnectionTrackingSpecificationRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { type ConnectionTracking, DEFAULT_CONNECTION_TRACKING } from "../../model/network-interface.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";

/** Idle timeouts of tracked connections, in seconds (EC2 user guide, "Idle connection tracking timeout"). */
const RANGES = {
  tcpEstablishedTimeout: { name: "TcpEstablishedTimeout", least: 60, most: 432_000 },
  udpTimeout: { name: "UdpTimeout", least: 30, most: 60 },
  udpStreamTimeout: { name: "UdpStreamTimeout", least: 60, most: 180 },
} as const;

const NAMES = Object.keys(DEFAULT_CONNECTION_TRACKING) as readonly (keyof ConnectionTracking)[];

/**
 * The timeouts that a request sets; undefined when it sets none. @throws InvalidParameterValue for what is
 * out of its range.
 */
export function connectionTrackingIn(
  spec: ConnectionTrackingSpecificationRequest | undefined,
): ConnectionTracking | undefined {
  const given = NAMES.flatMap((name) => {
    const range = RANGES[name];
    const seconds = spec?.[range.name];
    if (seconds === undefined) return [];
    if (seconds >= range.least && seconds <= range.most) return [[name, seconds] as const];
    const words = `Value (${seconds}) for parameter ${range.name} is invalid. It must be from ${range.least} to ${range.most} seconds.`;
    throw new Fault("InvalidParameterValue", words);
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** What was set, not what is AWS's default. */
export function describedTracking(tracking: ConnectionTracking): ConnectionTrackingConfiguration {
  return {
    TcpEstablishedTimeout: tracking.tcpEstablishedTimeout,
    UdpTimeout: tracking.udpTimeout,
    UdpStreamTimeout: tracking.udpStreamTimeout,
  };
}

/**
 * @throws UnsupportedOperation when the instance type is not on the Nitro system: only Nitro has such
 * timeouts.
 */
export function requireTrackingSupport(tracking: ConnectionTracking | undefined, instanceType: string): void {
  const type = instanceTypeInfo(instanceType);
  if (!tracking || !type || type.hypervisor === "nitro") return;
  throw new Fault(
    "UnsupportedOperation",
    `The instance type ${type.name} does not support idle timeouts of connection tracking.`,
  );
}
