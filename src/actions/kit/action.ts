import type { Random } from "../../lib/random.ts";
import type { HostMachine } from "../../model/machine.ts";
import type { Principal } from "../../model/principal.ts";
import type { Quotas } from "../../model/quota.ts";
import type { Tx } from "../../model/state.ts";

/** What an action knows besides the state: who asks, where, when, and the machine's settings. */
export type Context = {
  readonly account: string;
  /** Who asks; absent where nobody but Genkan itself does. */
  readonly caller?: Principal;
  readonly region: string;
  /** The time of the request, ISO 8601 with milliseconds. */
  readonly now: string;
  readonly random: Random;
  readonly quotas: Quotas;
  /** Amazon's public IPv4 pools, canonical CIDR blocks, in order of preference. */
  readonly pools: readonly string[];
  /** Ranges that users can bring, canonical CIDR blocks; none of them is in `pools`. */
  readonly byoip: readonly string[];
  /** Whether the account has a region of this name here; asked of names that AWS has not. */
  readonly hasRegion?: (name: string) => boolean;
  /** The machines of the region that run instances; absent where Genkan is one machine. */
  readonly hosts?: () => readonly HostMachine[];
  /** What an instance has printed so far, for GetConsoleOutput; undefined when nothing was kept. */
  readonly consoleOutput: (instanceId: string) => string | undefined;
  /**
   * A fresh private key (RSA of 2048 bits, or Ed25519) as PKCS #8 PEM, for CreateKeyPair; absent where none
   * can be made.
   */
  readonly generateKeyPair?: (keyType: "rsa" | "ed25519") => string;
};

/**
 * One EC2 operation: reads and changes the region's state through `tx`, and returns the answer
 * or throws a {@link Fault}. Input and output have the SDK's shapes (`CreateVpcRequest`, `CreateVpcResult`).
 * Pure: the changes take effect only when the caller commits them. DryRun and ClientToken are
 * handled around every action, in `perform`.
 */
export type Action<Input, Output> = (tx: Tx, input: Input, context: Context) => Output;
