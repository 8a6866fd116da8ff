const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function macAt(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let place = at; place < at + 6; place++) text += (place > at ? ":" : "") + (HEX[bytes[place] ?? 0] ?? "");
  return text;
}
