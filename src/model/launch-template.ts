import type { Base } from "./common.ts";

/** Parameters of RunInstances that are kept under a name, in versions. */
export type LaunchTemplate = Base<"launch-template"> & {
  readonly name: string;
  readonly createTime: string;
  /** The ARN of who made it; the account's root where nobody is written down. */
  readonly createdBy?: string;
  readonly defaultVersion: number;
  /** The highest that was ever given: numbers are not given again. */
  readonly latestVersion: number;
  /** In the order of their numbers. The default one is always among them. */
  readonly versions: readonly LaunchTemplateVersion[];
};

export type LaunchTemplateVersion = {
  readonly number: number;
  readonly description?: string;
  readonly createTime: string;
  /** The ARN of who made it; the account's root where nobody is written down. */
  readonly createdBy?: string;
  /** As the request said it: RequestLaunchTemplateData of the EC2 API, in plain values. */
  readonly data: Readonly<Record<string, unknown>>;
};
