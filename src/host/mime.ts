/** A part of a message that holds no further parts. */
export type MimePart = { readonly type: string; readonly content: Uint8Array };

/** Maximum depth of parts within parts, and maximum number of parts: no real user data has more. */
const DEPTH = 8;

/**
 * The parts of a MIME message in their order (RFC 2045, RFC 2046). It is read leniently: a part without
 * a closing boundary goes to the end, and with an unknown encoding the bytes stay as they are.
 */
export function mimeParts(message: Uint8Array): readonly MimePart[] {
  return partsOf(Buffer.from(message).toString("latin1").replaceAll("\r\n", "\n"), DEPTH);
}

function partsOf(text: string, depth: number): readonly MimePart[] {
  const { headers, body } = opened(text);
  const { type, boundary } = contentType(headers.get("content-type") ?? "text/plain");
  if (type.startsWith("multipart/") && boundary !== undefined && depth > 0)
    return divided(body, boundary).flatMap((part) => partsOf(part, depth - 1));
  return [{ type, content: decoded(body, headers.get("content-transfer-encoding")?.toLowerCase() ?? "") }];
}

function opened(text: string): { readonly headers: ReadonlyMap<string, string>; readonly body: string } {
  // Without a header the blank line comes first.
  const end = text.startsWith("\n") ? 0 : text.indexOf("\n\n") + 1;
  const head = end === 0 && !text.startsWith("\n") ? text : text.slice(0, end);
  const lines = head.replaceAll(/\n[ \t]+/g, " ").split("\n");
  const headers = lines.flatMap((line) => {
    const [, name, value] = /^([!-9;-~]+):\s*(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name.toLowerCase(), (value ?? "").trim()] as const];
  });
  return { headers: new Map(headers), body: head === text ? "" : text.slice(end + 1) };
}

function contentType(value: string): { readonly type: string; readonly boundary: string | undefined } {
  const [, quotedOne, plain] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(value) ?? [];
  return { type: (value.split(";")[0] ?? "").trim().toLowerCase(), boundary: quotedOne ?? plain };
}

function divided(body: string, boundary: string): readonly string[] {
  const parts: string[][] = [];
  for (const line of body.split("\n")) {
    const end = line.trimEnd();
    if (end === `--${boundary}--`) break;
    if (end === `--${boundary}`) parts.push([]);
    else parts.at(-1)?.push(line);
  }
  // The line break before a boundary belongs to the boundary.
  return parts.map((lines) => lines.join("\n"));
}

function decoded(body: string, encoding: string): Uint8Array {
  if (encoding === "base64") return Buffer.from(body, "base64");
  if (encoding !== "quoted-printable") return Buffer.from(body, "latin1");
  const joined = body.replaceAll(/[ \t]*=[ \t]*\n/g, "");
  const bytes = joined.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1");
}
