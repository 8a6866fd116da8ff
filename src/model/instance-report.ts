/** What a machine reports of an instance that it runs. */
export type InstanceReport = {
  readonly instanceId: string;
  /** `exited`: the instance ended from inside, without being asked to. */
  readonly what: "booted" | "boot-failed" | "halted" | "exited";
};
