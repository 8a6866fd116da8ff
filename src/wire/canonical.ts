import type { Parameters } from "./parameters.ts";

/**
 * The path of a canonical request: normalized, and each segment encoded once more (every service but S3 does
 * so).
 */
export function canonicalPath(path: string): string {
  if (path === "/" || path === "") return "/";
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const end = path.endsWith("/") && segments.length > 0 ? "/" : "";
  return `/${segments.map(encode).join("/")}${end}`;
}

/**
 * The query of a canonical request: encoded, in order of names and then of values, without the signature
 * itself.
 */
export function canonicalQuery(parameters: Parameters): string {
  return parameters
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/**
 * The lines of the signed headers, each with its end of line: values are trimmed, runs of spaces become one,
 * and repeated headers are joined.
 */
export function canonicalHeaders(
  headers: ReadonlyMap<string, readonly string[]>,
  signed: readonly string[],
): string {
  return signed
    .map((name) => {
      const values = (headers.get(name) ?? []).map((value) => value.replaceAll(/[ \t]+/g, " ").trim());
      return `${name}:${values.join(",")}\n`;
    })
    .join("");
}

/** Percent-encodes everything but the unreserved characters (RFC 3986 section 2.3). */
function encode(text: string): string {
  const encoded = encodeURIComponent(text);
  return /[!'()*]/.test(encoded)
    ? encoded.replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    : encoded;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
