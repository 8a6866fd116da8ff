/**
 * What lets a machine join a region: who the region is, until when, and a proof that one of its machines said so.
 * Nothing of it is stored: every machine of the region can make one, and tell a good one.
 */

import { createHash, createHmac, timingSafeEqual, X509Certificate } from "node:crypto";

export type Token = {
  /** SHA-256 of the certificate of the region's authority. */
  readonly authority: Buffer;
  /** Unix time in whole seconds, until which it counts. */
  readonly ends: number;
  readonly proof: Buffer;
};

export const TOKEN_SECONDS = 24 * 60 * 60;

const VERSION = 1;
const HASH_BYTES = 32;
const PROOF_BYTES = 16;
const BYTES = 1 + HASH_BYTES + 4 + PROOF_BYTES;

/** What a token knows an authority by: the SHA-256 of its certificate. `certificate`: PEM or DER */
export function hashOf(certificate: string | Buffer): Buffer {
  return createHash("sha256").update(new X509Certificate(certificate).raw).digest();
}

/** @param secret - what the region's machines share */
export function newToken(authority: Buffer, ends: number, secret: string): Token {
  return { authority, ends, proof: proofOf(authority, ends, secret) };
}

export function formatToken({ authority, ends, proof }: Token): string {
  const time = Buffer.alloc(4);
  time.writeUInt32BE(ends);
  return Buffer.concat([Buffer.from([VERSION]), authority, time, proof]).toString("base64url");
}

/** Undefined for what is no token, such as one of which a part is missing. */
export function parseToken(text: string): Token | undefined {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length !== BYTES || bytes[0] !== VERSION || bytes.toString("base64url") !== text)
    return undefined;
  const time = 1 + HASH_BYTES;
  return {
    authority: bytes.subarray(1, time),
    ends: bytes.readUInt32BE(time),
    proof: bytes.subarray(time + 4),
  };
}

/** Whether the region made the token, and it has not ended at this Unix time. */
export function judge(
  { authority, ends, proof }: Token,
  secret: string,
  now: number,
): "good" | "wrong" | "ended" {
  if (!timingSafeEqual(proof, proofOf(authority, ends, secret))) return "wrong";
  return now <= ends ? "good" : "ended";
}

function proofOf(authority: Buffer, ends: number, secret: string): Buffer {
  const said = createHmac("sha256", secret).update(`join ${ends} `).update(authority);
  return said.digest().subarray(0, PROOF_BYTES);
}
