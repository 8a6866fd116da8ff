import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import type { Principal } from "../model/principal.ts";
import type { AccessKey } from "../wire/sigv4.ts";

/** Temporary credentials of STS (STS API reference, Credentials). */
export type SessionCredentials = {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  readonly Expiration: Date;
};

type Sealed = { readonly key: string; readonly expires: number; readonly principal: Principal };

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Temporary credentials, of which nothing is stored: the token itself says whose it is and until when, sealed
 * (AES-256-GCM) by a key derived from this Genkan's own. So a restart forgets none, and no other Genkan
 * accepts it.
 */
export class Sessions {
  readonly #key: Buffer;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(secret: string, randomBytes: (count: number) => Uint8Array) {
    this.#key = Buffer.from(hkdfSync("sha256", secret, "", "genkan session tokens", 32));
    this.#randomBytes = randomBytes;
  }

  issue(principal: Principal, seconds: number, now: Date): SessionCredentials {
    const key = accessKeyId("ASIA", principal.account, this.#randomBytes(5));
    const Expiration = new Date(Math.floor(now.getTime() / 1000) * 1000 + seconds * 1000);
    const token = this.#seal({ key, expires: Expiration.getTime(), principal });
    return { AccessKeyId: key, SecretAccessKey: this.#secretOf(key), SessionToken: token, Expiration };
  }

  /**
   * The access key of a key id and its token; `expired` when its time is over; undefined when they are no
   * pair of this Genkan's.
   */
  lookUp(key: string, token: string, now: Date): AccessKey | "expired" | undefined {
    const sealed = this.#open(token);
    if (sealed?.key !== key) return undefined;
    if (sealed.expires <= now.getTime()) return "expired";
    return {
      secretAccessKey: this.#secretOf(key),
      account: sealed.principal.account,
      principal: sealed.principal,
    };
  }

  #secretOf(key: string): string {
    return createHmac("sha256", this.#key).update(`secret of ${key}`).digest("base64").slice(0, 40);
  }

  #seal(sealed: Sealed): string {
    const nonce = this.#randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const text = Buffer.concat([cipher.update(JSON.stringify(sealed)), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64");
  }

  #open(token: string): Sealed | undefined {
    const bytes = Buffer.from(token, "base64");
    if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.length > MAX_TOKEN_BYTES) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const text = Buffer.concat([
        decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
        decipher.final(),
      ]);
      return JSON.parse(text.toString()) as Sealed;
    } catch {
      return undefined;
    }
  }
}

/** More than any token made here. */
const MAX_TOKEN_BYTES = 4096;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * A key's id. It contains the account as AWS's ids do: after the prefix, in base32, from the eighth bit of
 * the first six bytes.
 */
function accessKeyId(prefix: string, account: string, random: Uint8Array): string {
  const bits = (BigInt(account) << 7n) | (1n << 47n);
  const value = (bits << 32n) | BigInt(Buffer.from(random).readUInt32BE());
  const digits = Array.from({ length: 16 }, (_, index) =>
    BASE32.charAt(Number((value >> BigInt(75 - 5 * index)) & 31n)),
  );
  return prefix + digits.join("");
}

/** The account in a key's id; undefined when it contains none. */
export function accountOfKey(id: string): string | undefined {
  const text = /^A[KS]IA([A-Z2-7]{16})$/.exec(id)?.[1];
  if (text === undefined) return undefined;
  const value = [...text].reduce((sum, digit) => (sum << 5n) | BigInt(BASE32.indexOf(digit)), 0n);
  const account = ((value >> 32n) & 0x7fff_ffff_ff80n) >> 7n;
  return account < 1_000_000_000_000n ? String(account).padStart(12, "0") : undefined;
}
