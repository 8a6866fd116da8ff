/** Whether the kernel's tables are what the state says. */
export type TablesAnswer = {
  /** How many rows the kernel has. */
  readonly rows: number;
  /** What is wrong, a line each; in order, none. */
  readonly complaints: readonly string[];
  /** How many lines more there would be. */
  readonly more: number;
};
