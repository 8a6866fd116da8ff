/** Where an instance runs. */
export type InstanceAnswer = {
  readonly id: string;
  /** EC2's: `running`, `stopped`… */
  readonly state: string;
  readonly region: string;
  /** The name of the machine that runs it, where that is not the one that is asked. */
  readonly machine?: string;
  /** Its first process, and the path of its network namespace; absent: nothing runs. */
  readonly pid?: number;
  readonly netns?: string;
};

/** The network namespace of the simulated internet, as a path. */
export type InternetAnswer = { readonly netns: string };
