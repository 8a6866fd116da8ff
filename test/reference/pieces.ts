import { GATEWAY_MTU } from "../../src/reach/deliver.ts";
import { ETHERNET, read16, sealHeader, write16 } from "./bytes.ts";

const HEADER = 20;
const MORE_FRAGMENTS = 0x2000;

/**
 * A frame too long for the gateway in pieces (RFC 791, section 3.2): as much as fits in each, a multiple of
 * eight bytes. The first keeps the options; those that follow have none, as if none were to be copied.
 */
export function inPieces(frame: Uint8Array): readonly Uint8Array[] {
  const header = ((frame[ETHERNET] ?? 0) & 15) * 4;
  const total = read16(frame, ETHERNET + 2);
  const flags = read16(frame, ETHERNET + 6);
  const pieces: Uint8Array[] = [];
  for (let at = header; at < total;) {
    const own = at === header ? header : HEADER;
    const size = Math.min(total - at, (GATEWAY_MTU - own) & ~7);
    const piece = new Uint8Array(ETHERNET + own + size);
    piece.set(frame.subarray(0, ETHERNET + own));
    piece.set(frame.subarray(ETHERNET + at, ETHERNET + at + size), ETHERNET + own);
    piece[ETHERNET] = 0x40 | (own / 4);
    write16(piece, ETHERNET + 2, own + size);
    // The offset grows, the flags stay; all but the last say that more follow.
    write16(piece, ETHERNET + 6, (flags + (at - header) / 8) | (at + size < total ? MORE_FRAGMENTS : 0));
    sealHeader(piece, ETHERNET);
    pieces.push(piece);
    at += size;
  }
  return pieces;
}
