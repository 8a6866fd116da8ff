/** What lets a machine join the region. */
export type Invitation = {
  /** The machine to ask, on the network between the machines: `IP:PORT`. */
  readonly door: string;
  readonly token: string;
  /** Unix time in milliseconds. */
  readonly ends: number;
};
