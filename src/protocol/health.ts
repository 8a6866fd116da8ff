import type { EtcdStatus } from "./status.ts";

/** That Genkan is ready, and how far the kernel follows the state. */
export type Health = {
  readonly status: "ready";
  readonly version: string;
  readonly packets: boolean;
  /** The installation's id. */
  readonly home: string;
  /** The newest revision of the state, and the newest that the kernel's tables have. */
  readonly revision: number;
  readonly obeyed: number;
  readonly etcd?: EtcdStatus;
};
