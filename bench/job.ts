import type { Path, PathName, PerPath } from "./path.ts";

/**
 * What a traffic generator is told to do, and what it answers. Each job is done by one thread, without a
 * pause, on one processor.
 * `buffer`: how many bytes a bulk connection's buffers have; 0 leaves that to the kernel.
 */
export type Job =
  | { readonly kind: "prove"; readonly path: Path }
  | ({
      readonly kind: "rate";
      readonly batch: number;
      readonly milliseconds: number;
      readonly flows: number;
      readonly direction: "out" | "in";
      /** 6: over the paths' IPv6. */
      /**
       * `nat64`: IPv6 at the instance and IPv4 at the internet's end, where the path has that; else IPv6 at
       * both.
       */
      readonly family: 4 | 6 | "nat64";
      /** Whole frames made in advance, or datagrams of a UDP socket. */
      readonly by: "frames" | "socket";
    } & Slices)
  | ({ readonly kind: "round-trips"; readonly protocol: "udp" | "tcp"; readonly count: number } & Slices)
  | ({ readonly kind: "connections"; readonly count: number } & Slices)
  | ({
      readonly kind: "bulk";
      readonly bytes: number;
      readonly chunk: number;
      readonly buffer: number;
    } & Slices)
  | { readonly kind: "offloads"; readonly paths: readonly Path[]; readonly on: boolean }
  | {
      readonly kind: "serve";
      readonly path: Path;
      readonly what: Service;
      readonly bytes?: number;
      readonly buffer?: number;
    };

/**
 * The other end: answers datagrams; a connection's requests; connection after connection; a connection's
 * bulk.
 */
export type Service = "udp" | "tcp" | "connections" | "bulk";

/** The paths take turns, in a new order in every slice; the first `warm` slices are not counted. */
type Slices = {
  readonly paths: readonly Path[];
  readonly slices: number;
  readonly warm: number;
  readonly seed: number;
};

export type Answer = {
  readonly prove: null;
  /** Packets that arrived per second, in each slice; and what was sent and did not arrive, over all. */
  readonly rate: PerPath<{
    readonly perSecond: readonly number[];
    readonly sent: number;
    readonly lost: number;
  }>;
  /** Microseconds. */
  readonly "round-trips": PerPath<{ readonly p50: number; readonly p99: number; readonly perSecond: number }>;
  readonly connections: PerPath<{ readonly p50: number; readonly p99: number; readonly perSecond: number }>;
  /** Bytes per second, in each slice. */
  readonly bulk: PerPath<{ readonly perSecond: readonly number[] }>;
  readonly offloads: null;
  readonly serve: null;
};

/** What a worker says to its parent. */
export type Said =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly answer: unknown }
  | { readonly kind: "failed"; readonly why: string };

export const PORT: Readonly<Record<Service | "rate", number>> = {
  udp: 7001,
  tcp: 7002,
  connections: 7003,
  bulk: 7004,
  rate: 7005,
};

/** A request whose first byte says that it is the last one. */
export const LAST = 0xff;

/** Builds a value for each path. */
export function perPath<T>(
  paths: readonly { readonly name: PathName }[],
  value: (name: PathName) => T,
): Record<string, T> {
  return Object.fromEntries(paths.map(({ name }) => [name, value(name)]));
}
