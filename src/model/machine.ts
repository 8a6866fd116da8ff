/** What a machine of a region does. */
export const ROLES = ["control", "host", "gateway"] as const;
/** `control`: may lead; `host`: runs instances; `gateway`: carries packets to the internet and back. */
export type Role = (typeof ROLES)[number];

/** A machine of a region to which instances may be given. */
export type HostMachine = {
  /** From 1; 0 stands for no machine. */
  readonly number: number;
  /** The letters of the zones whose instances it runs; none: of every zone. */
  readonly zones: readonly string[];
  /** How many instances it has at most. */
  readonly capacity: number;
  /** Whether it keeps its lease alive. */
  readonly live: boolean;
  /** Whether it takes new instances. */
  readonly open: boolean;
  /** How many instances it has of other accounts and regions. */
  readonly elsewhere: number;
};
