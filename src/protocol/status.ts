import type { DropReason } from "../contract/stages.ts";

/** What is up: every region, and what was dropped. */
export type Status = {
  readonly version: string;
  readonly endpoint: string;
  readonly packets: boolean;
  /** Why no packets move; absent: they do. */
  readonly noPackets?: string;
  /** The etcd cluster that has the state; absent: it is on this machine. */
  readonly etcd?: EtcdStatus;
  /** The machines of the region; absent where Genkan is one machine. */
  readonly machines?: readonly MachineStatus[];
  readonly regions: readonly RegionStatus[];
  /** `interface`: the id of the instance or the interface, or what else the drops are counted for. */
  readonly drops: readonly {
    readonly interface: string;
    readonly reason: DropReason;
    readonly packets: number;
    readonly bytes: number;
  }[];
};

export type EtcdStatus = {
  /** Its members' addresses. */
  readonly members: readonly string[];
  /** Whether etcd answers; otherwise requests are refused until most of its members do. */
  readonly reached: boolean;
};

export type MachineStatus = {
  readonly number: number;
  readonly name: string;
  /** On the network between the machines. */
  readonly address: string;
  /** Letters of the zones whose instances it runs; none: of every zone. */
  readonly zones: readonly string[];
  readonly roles: readonly string[];
  readonly version: string;
  /** Whether it is there. */
  readonly live: boolean;
  /** It takes no new instances, and as a gateway no packets but those that still come; absent: it does. */
  readonly drained?: boolean;
  /** What it ran runs elsewhere: the others keep it out until it has ended that; absent: they do not. */
  readonly fence?: { readonly id: string; readonly revision?: number };
  /** A gateway that the traffic does not need now; absent: it is none, or takes packets. */
  readonly standby?: boolean;
  /** Of a gateway: packets a second, and how full it is (1: full), as far as it has said so. */
  readonly packets?: number;
  readonly load?: number;
  /** How many sessions BFD has with other machines, and how many of them are up. */
  readonly bfd?: { readonly up: number; readonly sessions: number };
  /** Whether it decides and writes. */
  readonly leads: boolean;
  /** The newest revision that its packets obey, as far as it has said so. */
  readonly obeyed?: number;
  /** It did not obey a change in time: answers do not wait for it until it has caught up. */
  readonly behind: boolean;
};

export type RegionStatus = {
  readonly account: string;
  readonly region: string;
  readonly vpcs: readonly {
    readonly id: string;
    /** The value of its Name tag. */
    readonly name?: string | undefined;
    readonly cidr: string;
    /** The internet gateway that is attached. */
    readonly gateway?: string | undefined;
  }[];
  readonly instances: readonly {
    readonly id: string;
    /** The value of its Name tag. */
    readonly name?: string | undefined;
    readonly state: string;
    readonly privateIp: string;
    readonly publicIp?: string | undefined;
    readonly ipv6: readonly string[];
    readonly subnet: string;
    /** The parts of its user data that it does not run. */
    readonly notDone: readonly string[];
  }[];
  readonly addresses: number;
  readonly flowLogs: number;
};
