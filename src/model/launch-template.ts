import type { Base } from "./common.ts";

/** Parameters of RunInstances, kept under a name and in versions. */
export type LaunchTemplate = Base<"launch-template"> & {
  readonly name: string;
  readonly createTime: string;
  /** The ARN of its creator; the account's root when none was recorded. */
  readonly createdBy?: string;
  readonly defaultVersion: number;
  /** The highest number ever given: numbers are not reused. */
  readonly latestVersion: number;
  /** In the order of their numbers. The default version is always among them. */
  readonly versions: readonly LaunchTemplateVersion[];
};

export type LaunchTemplateVersion = {
  readonly number: number;
  readonly description?: string;
  readonly createTime: string;
  /** The ARN of its creator; the account's root when none was recorded. */
  readonly createdBy?: string;
  /** As in the request: RequestLaunchTemplateData of the EC2 API, in plain values. */
  readonly data: Readonly<Record<string, unknown>>;
};
