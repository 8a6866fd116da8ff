import { setImmediate as othersTurn } from "node:timers/promises";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { ByteWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";

/**
 * Records in Apache Parquet, with AWS's data types (VPC user guide, "Available fields"). Columns are named as
 * in Athena's tables: underscores for hyphens.
 *
 * Encoding a full table of flows takes seconds, and one instance can fill it. So it is done one row group at
 * a time, and requests are answered in between.
 */

const INT32: ReadonlySet<string> = new Set([
  "version",
  "srcport",
  "dstport",
  "protocol",
  "tcp-flags",
  "traffic-path",
  "encryption-status",
]);
const INT64: ReadonlySet<string> = new Set(["packets", "bytes", "start", "end"]);
const NONE = "-";
const GROUP_ROWS = 2_000;

/** Encodes lines as a file; the header names their fields. A missing number is null. */
export async function parquetOf(header: string, lines: readonly string[]): Promise<Uint8Array> {
  const fields = header.split(" ");
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    schema: schemaFromColumnData({ columnData: columnsOf(fields, []) }),
  });
  for (let start = 0; start < lines.length; start += GROUP_ROWS) {
    if (start > 0) await othersTurn();
    await file.write({
      columnData: columnsOf(fields, lines.slice(start, start + GROUP_ROWS)),
      rowGroupSize: GROUP_ROWS,
    });
  }
  await file.finish();
  return new Uint8Array(writer.getBuffer());
}

type Column = {
  readonly name: string;
  readonly type: "INT32" | "INT64" | "STRING";
  data: (string | number | bigint | null)[];
};

function columnsOf(fields: readonly string[], lines: readonly string[]): Column[] {
  const rows = lines.map((line) => line.split(" "));
  return fields.map((field, index) =>
    columnOf(
      field,
      rows.map((row) => row[index] ?? NONE),
    ),
  );
}

function columnOf(field: string, values: readonly string[]): Column {
  const name = field.replaceAll("-", "_");
  const numbers = <T>(of: (text: string) => T): (T | null)[] =>
    values.map((text) => (text === NONE ? null : of(text)));
  if (INT32.has(field)) return { name, type: "INT32", data: numbers(Number) };
  if (INT64.has(field)) return { name, type: "INT64", data: numbers(BigInt) };
  return { name, type: "STRING", data: [...values] };
}

/** The inverse of {@link parquetOf}. @throws when the bytes are no such file. */
export async function linesOf(
  bytes: Uint8Array,
): Promise<{ readonly fields: readonly string[]; readonly lines: readonly string[] }> {
  const file = Uint8Array.from(bytes).buffer;
  const metadata = parquetMetadata(file);
  const names = metadata.schema.slice(1).map(({ name }) => name);
  const text = (value: unknown): string => (value === null || value === undefined ? NONE : String(value));
  const lines: string[] = [];
  for (const group of metadata.row_groups) {
    const rows = { rowStart: lines.length, rowEnd: lines.length + Number(group.num_rows) };
    const read = (await parquetReadObjects({ file, metadata, ...rows })) as readonly Readonly<
      Record<string, unknown>
    >[];
    for (const row of read) lines.push(names.map((name) => text(row[name])).join(" "));
    await othersTurn();
  }
  return { fields: names.map((name) => name.replaceAll("_", "-")), lines };
}
