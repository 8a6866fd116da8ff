const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function macAt(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let index = at; index < at + 6; index++)
    text += (index > at ? ":" : "") + (HEX[bytes[index] ?? 0] ?? "");
  return text;
}
