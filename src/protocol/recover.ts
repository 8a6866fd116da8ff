/** Where what a machine ran that is away runs now. */
export type RecoverAnswer = {
  /** The name of the one that is away. */
  readonly machine: string;
  readonly moved: readonly { readonly instance: string; readonly to: string }[];
  /** The instances for which no other machine has room: they stay. */
  readonly left: readonly string[];
};
