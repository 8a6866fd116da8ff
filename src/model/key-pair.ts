import type { Base } from "./common.ts";

export type KeyPair = Base<"key-pair"> & {
  readonly name: string;
  readonly fingerprint: string;
  readonly keyType: "rsa" | "ed25519";
  /** The OpenSSH public key that instances read from their metadata. */
  readonly publicKey: string;
  readonly createTime: string;
};
