import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";

/**
 * Records in Apache Parquet, with AWS's data types (VPC user guide, "Available fields"). Columns are named as in Athena's tables:
 * underscores for hyphens.
 */

const INT32: ReadonlySet<string> = new Set(["version", "srcport", "dstport", "protocol", "tcp-flags", "traffic-path", "encryption-status"]);
const INT64: ReadonlySet<string> = new Set(["packets", "bytes", "start", "end"]);
const NONE = "-";

/** The file of these lines, whose fields are those of the header. A number that is not there is null. */
export function parquetOf(header: string, lines: readonly string[]): Uint8Array {
  const rows = lines.map((line) => line.split(" "));
  const columnData = header.split(" ").map((field, place) =>
    columnOf(
      field,
      rows.map((row) => row[place] ?? NONE),
    ),
  );
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

type Column = { readonly name: string; readonly type: "INT32" | "INT64" | "STRING"; data: (string | number | bigint | null)[] };

function columnOf(field: string, values: readonly string[]): Column {
  const name = field.replaceAll("-", "_");
  const numbers = <T>(of: (text: string) => T): (T | null)[] => values.map((text) => (text === NONE ? null : of(text)));
  if (INT32.has(field)) return { name, type: "INT32", data: numbers(Number) };
  if (INT64.has(field)) return { name, type: "INT64", data: numbers(BigInt) };
  return { name, type: "STRING", data: [...values] };
}

/** The header and the lines that a file was made of. @throws when it is no such file. */
export async function linesOf(file: Uint8Array): Promise<{ readonly fields: readonly string[]; readonly lines: readonly string[] }> {
  const rows = (await parquetReadObjects({ file: Uint8Array.from(file).buffer })) as readonly Readonly<Record<string, unknown>>[];
  const names = Object.keys(rows[0] ?? {});
  const text = (value: unknown): string => (value === null || value === undefined ? NONE : String(value));
  return {
    fields: names.map((name) => name.replaceAll("_", "-")),
    lines: rows.map((row) => names.map((name) => text(row[name])).join(" ")),
  };
}
