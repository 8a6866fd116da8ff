import type { InterfaceSpec } from "./network-interface.ts";

/** What the host needs to boot an instance. */
export type InstanceSpec = {
  readonly id: string;
  readonly hostname: string;
  /** In the order in which they are asked. */
  readonly dnsServers: readonly string[];
  /** The domains that complete a name. */
  readonly dnsSearch: readonly string[];
  /** The domain of the instance's own name. */
  readonly dnsDomain: string;
  /** The first is the primary one, device index 0. */
  readonly interfaces: readonly InterfaceSpec[];
  /** Decoded. Run once in the instance's life, at its first boot. */
  readonly userData: Uint8Array | undefined;
  /** OpenSSH public key. */
  readonly publicKey: string | undefined;
};
