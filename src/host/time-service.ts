import { createSocket } from "node:dgram";
import { isIpv6Text } from "../lib/address.ts";
import type { AskerOf } from "./fairness.ts";
import { rateLimit } from "./fairness.ts";

/** A client's maximum, far above what one asks: every few seconds at most (RFC 5905, section 7.3). */
const REQUESTS_PER_SECOND = 64;
const NTP_PORT = 123;
const HEADER_BYTES = 48;
/** Seconds from 1900, where NTP counts from, to 1970. */
const NTP_TO_UNIX = 2_208_988_800;

/**
 * A time in milliseconds since 1970 as NTP's 64 bits: seconds since 1900 and their 2^32nds (RFC 5905, section
 * 6).
 */
function writeTimestamp(bytes: Buffer, at: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  bytes.writeUInt32BE((seconds + NTP_TO_UNIX) % 2 ** 32, at);
  bytes.writeUInt32BE(Math.floor(((milliseconds / 1000 - seconds) * 2 ** 32) % 2 ** 32), at + 4);
}

const MODE = { client: 3, server: 4 } as const;
/** The stratum of AWS's time service, which names the address beside its own as the source of its time. */
const STRATUM = 3;
const REFERENCE = Buffer.from([169, 254, 169, 122]);
/** 2^-20 s: the precision of a system's clock. */
const PRECISION = -20;
/** 16.16 seconds: how far the machine's own clock may be off. */
const ROOT_DELAY = 0x20;
const ROOT_DISPERSION = 0x40;
const REFERENCE_AGE_MILLISECONDS = 16_000;

/**
 * The answer to a client's packet of NTP versions 1 to 4 (RFC 5905; SNTP, RFC 4330); undefined for any other
 * packet. `now`: when it came and when the answer leaves, in milliseconds since 1970, fractions included.
 */
export function answerTime(query: Uint8Array, now: number): Uint8Array | undefined {
  const bytes = Buffer.from(query.buffer, query.byteOffset, query.byteLength);
  if (bytes.length < HEADER_BYTES) return undefined;
  const [version, mode] = [(bytes.readUInt8(0) >> 3) & 7, bytes.readUInt8(0) & 7];
  // Version 1 had no modes yet (RFC 1059).
  if (version < 1 || version > 4 || (mode !== MODE.client && !(version === 1 && mode === 0)))
    return undefined;
  const answer = Buffer.alloc(HEADER_BYTES);
  answer.writeUInt8((version << 3) | MODE.server, 0);
  answer.writeUInt8(STRATUM, 1);
  answer.writeInt8(bytes.readInt8(2), 2);
  answer.writeInt8(PRECISION, 3);
  answer.writeUInt32BE(ROOT_DELAY, 4);
  answer.writeUInt32BE(ROOT_DISPERSION, 8);
  REFERENCE.copy(answer, 12);
  writeTimestamp(answer, 16, now - REFERENCE_AGE_MILLISECONDS);
  // The client recognizes its question by this.
  bytes.copy(answer, 24, 40, 48);
  writeTimestamp(answer, 32, now);
  writeTimestamp(answer, 40, now);
  return answer;
}

type TimeServing = {
  readonly addresses: readonly string[];
  readonly askerOf?: AskerOf;
  readonly port?: number;
};

/**
 * Serves the machine's time over NTP; settles when all addresses listen. An answer is no longer than its
 * question.
 */
export async function serveTime({ addresses, askerOf, port = NTP_PORT }: TimeServing): Promise<void> {
  const mayAsk = rateLimit(REQUESTS_PER_SECOND, askerOf);
  await Promise.all(
    addresses.map((address) => {
      const socket = createSocket(isIpv6Text(address) ? "udp6" : "udp4");
      socket.on("message", (query, { address: from, port: fromPort }) => {
        if (fromPort === 0 || !mayAsk(from, Date.now())) return;
        const answer = answerTime(query, performance.timeOrigin + performance.now() + clockStep());
        // An answer that cannot be sent is as good as lost on the way: the client asks again.
        if (answer) socket.send(answer, fromPort, from, () => undefined);
      });
      return new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(port, address, () => {
          socket.off("error", reject).on("error", (error) => console.error("time:", error));
          resolve();
        });
      });
    }),
  );
}

/**
 * By how many milliseconds the machine's clock was set since this process began. A difference below that is
 * rounding to whole milliseconds.
 */
function clockStep(): number {
  const step = Date.now() - (performance.timeOrigin + performance.now());
  return Math.abs(step) < 1 ? 0 : step;
}
