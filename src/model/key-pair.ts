import type { Base } from "./common.ts";

export type KeyPair = Base<"key-pair"> & {
  readonly name: string;
  readonly fingerprint: string;
  readonly keyType: "rsa" | "ed25519";
  /** OpenSSH public key, for instances' metadata. */
  readonly publicKey: string;
  readonly createTime: string;
};
