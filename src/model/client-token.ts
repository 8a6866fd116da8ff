import type { Base } from "./common.ts";

/**
 * A remembered idempotent request: the same token and parameters get the same answer again. Its id is
 * `operation|token`.
 */
export type ClientToken = Base<"client-token"> & {
  /** A digest of the request's other parameters. */
  readonly parameters: string;
  /** The answer as JSON (dates as ISO 8601 text). */
  readonly output: string;
  readonly createdAt: string;
};
